package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/signet-idp/signet/internal/tools/finding"
)

// packageFacts are figures about the Go files of one folder.
type packageFacts struct {
	Dir        string
	Files      int // without tests
	Lines      int // without tests
	TestLines  int
	LongestFn  int // lines of the longest function
	Exported   int
	Documented int // of the exported names
}

// DocPercent is the share of exported names with a comment, 100 if there are
// no names.
func (p packageFacts) DocPercent() int {
	if p.Exported == 0 {
		return 100
	}
	return 100 * p.Documented / p.Exported
}

func (p *packageFacts) add(o packageFacts) {
	p.Files += o.Files
	p.Lines += o.Lines
	p.TestLines += o.TestLines
	p.LongestFn = max(p.LongestFn, o.LongestFn)
	p.Exported += o.Exported
	p.Documented += o.Documented
}

// measure reads every Go file and returns the packages in order of folders.
func measure(root fs.FS) ([]packageFacts, error) {
	byDir := map[string]*packageFacts{}
	var dirs []string
	err := finding.Walk(root, func(name string) error {
		if path.Ext(name) != ".go" {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		dir := path.Dir(name)
		p := byDir[dir]
		if p == nil {
			p = &packageFacts{Dir: dir}
			byDir[dir] = p
			dirs = append(dirs, dir)
		}
		lines := bytes.Count(src, []byte("\n"))
		if strings.HasSuffix(name, "_test.go") {
			p.TestLines += lines
			return nil
		}
		p.Files++
		p.Lines += lines
		return p.read(name, src)
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(dirs)
	facts := make([]packageFacts, 0, len(dirs))
	for _, dir := range dirs {
		facts = append(facts, *byDir[dir])
	}
	return facts, nil
}

func (p *packageFacts) read(name string, src []byte) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			p.LongestFn = max(p.LongestFn, fset.Position(d.End()).Line-fset.Position(d.Pos()).Line+1)
			if receiverExported(d) {
				p.count(d.Name, d.Doc != nil)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				p.countSpec(spec, d.Doc != nil)
			}
		}
	}
	return nil
}

// countSpec counts a type's or a value's names. A comment above a group
// documents the group; one behind a value documents the value.
func (p *packageFacts) countSpec(spec ast.Spec, group bool) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		p.count(s.Name, group || s.Doc != nil)
	case *ast.ValueSpec:
		for _, n := range s.Names {
			p.count(n, group || s.Doc != nil || s.Comment != nil)
		}
	}
}

func (p *packageFacts) count(name *ast.Ident, documented bool) {
	if !name.IsExported() {
		return
	}
	p.Exported++
	if documented {
		p.Documented++
	}
}

// receiverExported is false for methods of types that nobody outside can name.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}
