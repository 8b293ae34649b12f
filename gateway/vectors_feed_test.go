package gateway

import (
	"fmt"
	"strings"
)

// tale writes what a feed says, and what is known after each step.
type tale struct {
	s     *scribe
	v     feedVector
	at    int64
	kid   string
	times int64 // the server's clock before ours, in milliseconds
}

func (t *tale) message(typ string, payload obj) string {
	return t.s.sign(t.kid, "ES256", obj{"alg": "ES256", "kid": "feed", "typ": typ}, payload)
}

func (t *tale) clock() int64 { return vectorNow*1000 + t.at + t.times }

// part is entries from after to seq.
func (t *tale) part(after, seq int64, entries ...obj) obj {
	if entries == nil {
		entries = []obj{}
	}
	return obj{"iss": vectorIssuer, "iat": t.clock() / 1000, "feed_id": "f1", "after": after, "seq": seq, "as_of": t.clock(), "entries": entries}
}

func (t *tale) beat(seq, age int64) obj {
	return obj{"iss": vectorIssuer, "feed_id": "f1", "seq": seq, "sent": t.clock(), "as_of": t.clock() - age}
}

func sse(name, data string) string { return fmt.Sprintf("event:%s\ndata:%s\n\n", name, data) }

func (t *tale) step(s feedStep, outcome string, position, age int64) *tale {
	s.At, s.Outcome, s.Position = t.at, outcome, position
	if age >= 0 {
		s.Age = &age
	}
	t.v.Steps = append(t.v.Steps, s)
	return t
}

// after lets time pass.
func (t *tale) after(ms int64) *tale { t.at += ms; return t }

func (t *tale) snapshot(p obj, outcome string, position, age int64) *tale {
	return t.step(feedStep{Snapshot: t.message(typeRevocations, p)}, outcome, position, age)
}

func (t *tale) connect(position, age int64) *tale {
	return t.step(feedStep{Connect: true}, "ok", position, age)
}

func (t *tale) entries(p obj, outcome string, position, age int64) *tale {
	return t.text(sse("entries", t.message(typeRevocations, p)), outcome, position, age)
}

func (t *tale) heartbeat(p obj, outcome string, position, age int64) *tale {
	return t.text(sse("heartbeat", t.message(typeHeartbeat, p)), outcome, position, age)
}

func (t *tale) text(text, outcome string, position, age int64) *tale {
	return t.step(feedStep{Text: text}, outcome, position, age)
}

// token says what a token is worth now.
func (t *tale) token(name, result string) *tale {
	s := &t.v.Steps[len(t.v.Steps)-1]
	if s.Tokens == nil {
		s.Tokens = map[string]string{}
	}
	s.Tokens[name] = result
	return t
}

func (s *scribe) tell(name string) *tale {
	return &tale{s: s, kid: "feed", v: feedVector{Name: name}}
}

func (t *tale) end() { t.s.v.Feeds = append(t.s.v.Feeds, t.v) }

// unknown: nobody vouches for the list.
const unknown = -1

// following is a feed at position 3 that was fresh 10 ms ago.
func (s *scribe) following(name string) *tale {
	t := s.tell(name)
	t.snapshot(t.part(0, 3, s.entry(2, kindSub, "bob")), "ok", 3, unknown)
	t.connect(3, unknown).after(10)
	t.heartbeat(t.beat(3, 0), "ok", 3, 10).token("person", "valid")
	return t
}

// by signs the next messages with another key, under the feed's name.
func (t *tale) by(kid string) *tale { t.kid = kid; return t }

func (s *scribe) feeds() {
	s.goodFeeds()
	s.hostileFeeds()
	s.hostileSnapshots()
}

func (s *scribe) goodFeeds() {
	ada := s.entry(9, kindSub, "ada")
	t := s.following("followed")
	t.after(990).heartbeat(t.beat(3, 0), "ok", 3, 10)
	t.after(500).entries(t.part(3, 9, ada), "ok", 9, 510).token("person", "revoked").token("later", "revoked").token("service", "valid")
	t.after(500).heartbeat(t.beat(9, 0), "ok", 9, 10)
	t.end()

	t = s.following("no news for a while: the age is ours to count")
	t.after(4000).text(": a comment\n\n", "ok", 3, 4010).end()

	t = s.following("a replica that is cut off from its database")
	t.after(1000).heartbeat(t.beat(3, 1000), "ok", 3, 1010)
	t.after(1000).heartbeat(t.beat(3, 2000), "ok", 3, 2010).end()

	t = s.tell("what lay in a buffer is as old as it is")
	t.snapshot(t.part(0, 3), "ok", 3, unknown).connect(3, unknown)
	t.after(10)
	early := sse("heartbeat", t.message(typeHeartbeat, t.beat(3, 0)))
	t.after(2990).text(early, "ok", 3, 3000).end()

	t = s.tell("a clock that is seconds ahead of ours")
	t.times = 20_000
	t.snapshot(t.part(0, 0), "ok", 0, unknown).connect(0, unknown).after(10)
	t.heartbeat(t.beat(0, 0), "ok", 0, 10).end()

	t = s.following("entries and a heartbeat in one piece, with line ends of the other kind")
	t.after(1)
	both := sse("entries", t.message(typeRevocations, t.part(3, 9, ada))) + "id: 9\n: nothing\nretry: 5\n" +
		sse("heartbeat", t.message(typeHeartbeat, t.beat(9, 0)))
	t.text(strings.ReplaceAll(both, "\n", "\r\n"), "ok", 9, 10).token("person", "revoked").end()

	t = s.following("entries that are known already, and some more")
	t.entries(t.part(1, 9, s.entry(2, kindSub, "bob"), ada), "ok", 9, 10).token("person", "revoked").end()

	t = s.following("entries that are all known")
	t.entries(t.part(1, 3, s.entry(2, kindSub, "ada")), "ok", 3, 10).token("person", "valid").end()

	t = s.following("an event of a newer server")
	t.text(sse("weather", "fine"), "ok", 3, 10).end()

	t = s.following("a position without entries")
	t.entries(t.part(3, 5), "ok", 5, 10).end()

	t = s.following("reconnected: what was heard counts on")
	t.after(1000).connect(3, 1010).after(10)
	t.heartbeat(t.beat(3, 0), "ok", 3, 10).end()

	t = s.following("read anew after the feed was restored")
	other := t.beat(1, 0)
	other["feed_id"] = "f2"
	t.after(1000).heartbeat(other, "resync", 3, unknown).token("person", "valid")
	again := t.part(0, 1, s.entry(1, "all", ""))
	again["feed_id"] = "f2"
	t.snapshot(again, "ok", 1, unknown).connect(1, unknown).after(10)
	other = t.beat(1, 0)
	other["feed_id"] = "f2"
	t.heartbeat(other, "ok", 1, 10).end()
}

func (s *scribe) hostileFeeds() {
	ada := s.entry(4, kindSub, "ada")
	t := s.following("a forged heartbeat")
	t.after(1000).by("stranger").heartbeat(t.beat(3, 0), "error", 3, 1010).end()

	t = s.following("a heartbeat by a key for tokens")
	t.after(1000).text(sse("heartbeat", s.sign("es", "ES256", obj{"alg": "ES256", "kid": "es", "typ": typeHeartbeat}, t.beat(3, 0))), "error", 3, 1010).end()

	t = s.following("forged entries")
	t.by("stranger").entries(t.part(3, 4, ada), "error", 3, 10).token("person", "valid").end()

	t = s.following("a token for a heartbeat")
	t.text(sse("heartbeat", t.message(typeAccessToken, t.beat(3, 0))), "error", 3, 10).end()

	t = s.following("entries for a heartbeat")
	t.text(sse("heartbeat", t.message(typeRevocations, t.part(3, 3))), "error", 3, 10).end()

	t = s.following("a heartbeat that was heard before")
	again := t.v.Steps[2].Text
	t.after(1000).text(again, "error", 3, 1010).end()

	t = s.following("heartbeats in another order")
	first := sse("heartbeat", t.message(typeHeartbeat, t.beat(3, 0)))
	t.after(1000)
	second := sse("heartbeat", t.message(typeHeartbeat, t.beat(3, 0)))
	t.text(second, "ok", 3, 10).text(first, "error", 3, 10).end()

	t = s.following("a heartbeat of an hour ago on a new connection")
	t.after(1000).connect(3, 1010)
	old := t.beat(3, 0)
	old["sent"], old["as_of"] = t.clock()-3_600_000, t.clock()-3_600_000
	t.heartbeat(old, "error", 3, 1010).end()

	t = s.following("a heartbeat of tomorrow")
	old = t.beat(3, 0)
	old["sent"], old["as_of"] = t.clock()+86_400_000, t.clock()+86_400_000
	t.heartbeat(old, "error", 3, 10).end()

	t = s.following("a heartbeat that is newer than when it was sent")
	t.after(1000).heartbeat(t.beat(3, -500), "error", 3, 1010).end()

	t = s.following("entries withheld, heartbeats passed on")
	t.after(1000).heartbeat(t.beat(4, 0), "ok", 3, 1010)
	t.after(1000).heartbeat(t.beat(4, 0), "ok", 3, 2010)
	t.after(1000).heartbeat(t.beat(4, 0), "resync", 3, unknown)
	t.snapshot(t.part(0, 4, s.entry(2, kindSub, "bob"), ada), "ok", 4, unknown).token("person", "valid").token("later", "valid")
	t.end()

	t = s.following("a replica that is behind for a moment")
	t.after(1000).heartbeat(t.beat(2, 0), "ok", 3, 1010)
	t.after(1000).heartbeat(t.beat(3, 0), "ok", 3, 10).end()

	t = s.following("entries with a gap before them")
	t.entries(t.part(7, 8, s.entry(8, kindSub, "x")), "resync", 3, unknown).end()

	t = s.following("entries of another feed")
	other := t.part(3, 4, ada)
	other["feed_id"] = "f2"
	t.entries(other, "resync", 3, unknown).end()

	t = s.following("entries out of order")
	t.entries(t.part(3, 5, s.entry(5, kindSub, "ada"), s.entry(4, kindSub, "x")), "error", 3, 10).token("person", "valid").end()

	t = s.following("an entry beyond what the message says it holds")
	t.entries(t.part(3, 4, s.entry(5, kindSub, "ada")), "error", 3, 10).end()

	t = s.following("an entry with the plain value")
	plain := s.entry(4, kindSub, "ada")
	plain["value"] = "ada"
	t.entries(t.part(3, 4, plain), "error", 3, 10).end()

	t = s.following("the issuer of others")
	b := t.beat(3, 0)
	b["iss"] = "https://other.test"
	t.heartbeat(b, "error", 3, 10).end()

	t = s.following("no feed named")
	b = t.beat(3, 0)
	delete(b, "feed_id")
	t.heartbeat(b, "error", 3, 10).end()

	t = s.following("a position that is negative")
	t.heartbeat(t.beat(-1, 0), "error", 3, 10).end()

	t = s.following("cut off in the middle of a message")
	whole := sse("entries", t.message(typeRevocations, t.part(3, 9, s.entry(9, kindSub, "ada"))))
	t.after(1000).text(whole[:len(whole)-40], "ok", 3, 1010).token("person", "valid")
	t.connect(3, 1010).text(whole[:len(whole)-1], "ok", 3, 1010) // no empty line: no event
	t.connect(3, 1010).text(whole, "ok", 9, 1010).token("person", "revoked").end()

	t = s.following("no message at all")
	t.text(sse("heartbeat", "eyJ.x"), "error", 3, 10).end()
}

func (s *scribe) hostileSnapshots() {
	ada := s.entry(9, kindSub, "ada")
	t := s.following("an older snapshot is not taken")
	t.snapshot(t.part(0, 2), "error", 3, 10).end()

	t = s.following("the same snapshot again")
	t.snapshot(t.part(0, 3, s.entry(2, kindSub, "bob")), "ok", 3, 10).end()

	t = s.tell("a part for a snapshot")
	t.snapshot(t.part(5, 9, ada), "error", 0, unknown).end()

	t = s.tell("a forged snapshot")
	t.by("stranger").snapshot(t.part(0, 9, ada), "error", 0, unknown).end()

	t = s.tell("a snapshot proves nothing about how fresh it is")
	t.snapshot(t.part(0, 9, ada), "ok", 9, unknown).token("person", "revoked").end()

	t = s.tell("a heartbeat for a snapshot")
	t.step(feedStep{Snapshot: t.message(typeHeartbeat, t.beat(3, 0))}, "error", 0, unknown).end()
}
