package revocation

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/signet-idp/signet/storage"
)

// pageSize bounds one reading of entries.
const pageSize = 1000

// step reads the head and brings the list up to it.
//
// The head is one consistent reading of position and configuration version.
// Entries above it are left for the next step: the configuration that changed
// with them is not known yet, and the head must not pass what caches were not
// told of.
func (v *View) step(ctx context.Context) error {
	now := v.clock.Now()
	head, err := v.feed.FeedHead(ctx)
	if err != nil {
		return fmt.Errorf("feed head: %w", err)
	}
	// A clock that was set back may have swept what is alive by its new time.
	whole := !v.loaded || now.Before(v.lastStep)
	if v.loaded && (head.FeedID != v.feedID || head.Seq < v.Head()) {
		v.log.WarnContext(ctx, "revocation feed began anew", slog.Int64("was", v.Head()), slog.Int64("is", head.Seq))
		v.asOf.Store(0)
		v.loaded = false
		whole = true
	}
	var entries []storage.Revocation
	if !whole && head.Seq > v.Head() {
		if entries, err = v.read(ctx, v.Head(), head.Seq); err != nil {
			return err
		}
		if whole = !consecutive(entries, v.Head(), head.Seq); !whole {
			v.apply(head, entries)
		} else {
			// Entries that expired may have been swept before they were read
			// here; then all that is alive is still there. Anything else would
			// be a fault of the store, and the same reading heals it.
			v.gaps.Add(1)
			v.log.WarnContext(ctx, "revocation feed has a gap, loading it anew", slog.Int64("after", v.Head()), slog.Int64("head", head.Seq))
		}
	}
	if whole {
		if entries, err = v.reload(ctx, head, now); err != nil {
			return err
		}
	}
	v.tellConfig(head.Config) // when it rose without an entry
	v.moveHead(head.Seq)
	v.sweep(now)
	v.lastStep = now
	v.asOf.Store(now.UnixMicro())
	for _, fn := range v.onStep {
		fn(Step{FeedID: head.FeedID, Head: head.Seq, AsOf: now, Entries: entries, Whole: whole})
	}
	return nil
}

// read lists the entries above after up to and including upTo.
func (v *View) read(ctx context.Context, after, upTo int64) ([]storage.Revocation, error) {
	var all []storage.Revocation
	for after < upTo {
		page, err := v.feed.RevocationsAfter(ctx, after, pageSize)
		if err != nil {
			return nil, fmt.Errorf("revocations after %d: %w", after, err)
		}
		for _, e := range page {
			if e.Seq <= after || e.Seq > upTo {
				return all, nil
			}
			after = e.Seq
			all = append(all, e)
		}
		if len(page) < pageSize {
			break
		}
	}
	return all, nil
}

// consecutive says whether entries are all of after+1..upTo.
func consecutive(entries []storage.Revocation, after, upTo int64) bool {
	for i, e := range entries {
		if e.Seq != after+1+int64(i) {
			return false
		}
	}
	return int64(len(entries)) == upTo-after
}

// apply tells the caches, then changes the list.
func (v *View) apply(head storage.FeedHead, entries []storage.Revocation) {
	v.tellConfig(head.Config)
	for _, fn := range v.onApply {
		fn(entries)
	}
	v.list.Load().apply(entries)
	v.entries.Add(int64(len(entries)))
}

// reload replaces the list by what the store holds, and returns that.
func (v *View) reload(ctx context.Context, head storage.FeedHead, now time.Time) ([]storage.Revocation, error) {
	entries, err := v.read(ctx, 0, head.Seq)
	if err != nil {
		return nil, err
	}
	fresh := newList()
	fresh.apply(entries)
	v.config = head.Config
	for _, fn := range v.onConfig { // whatever it was: the store may be another one
		fn(head.Config)
	}
	for _, fn := range v.onApply {
		fn(entries)
	}
	v.list.Store(fresh)
	v.entries.Store(int64(len(entries)))
	v.head.Store(head.Seq) // may be lower than it was
	v.loaded, v.feedID, v.nextSweep = true, head.FeedID, now
	v.reloads.Add(1)
	return entries, nil
}

// tellConfig tells the caches that the configuration changed.
func (v *View) tellConfig(version int64) {
	if version == v.config {
		return
	}
	for _, fn := range v.onConfig {
		fn(version)
	}
	v.config = version
}

// moveHead lets the position be seen and wakes who waits for it.
func (v *View) moveHead(seq int64) {
	v.head.Store(seq)
	v.waiting.Lock()
	defer v.waiting.Unlock()
	close(v.moved)
	v.moved = make(chan struct{})
}

// sweep drops what has expired, every now and then.
func (v *View) sweep(now time.Time) {
	if now.Before(v.nextSweep) {
		return
	}
	v.entries.Store(int64(v.list.Load().sweep(now)))
	v.nextSweep = now.Add(sweepEvery)
}
