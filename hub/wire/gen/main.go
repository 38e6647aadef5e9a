// Gen writes the messages of the protocol as TypeScript, for the page: the structs of hub/wire become interfaces, its codes a union, its
// close codes constants, with the comments of the fields. The Go side is the source; what the page compiles against follows from it.
//
//	go generate ./hub/wire/gen
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
)

//go:generate go run .

func main() {
	source := flag.String("source", "..", "folder of package wire")
	out := flag.String("out", "../../../static/src/protocol.ts", "file to write")
	flag.Parse()
	text, err := generate(*source)
	if err == nil {
		err = os.WriteFile(*out, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate gives the TypeScript of the package in that folder.
func generate(dir string) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	sort.Strings(files)
	var out bytes.Buffer
	out.WriteString("// Made by hub/wire/gen from the Go messages of the protocol; do not edit.\n")
	fset := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.GenDecl); ok {
				if err := declaration(&out, d); err != nil {
					return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
				}
			}
		}
	}
	return out.Bytes(), nil
}

func declaration(out *bytes.Buffer, d *ast.GenDecl) error {
	if d.Tok == token.CONST {
		constants(out, d)
		return nil
	}
	for _, spec := range d.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok || !t.Name.IsExported() {
			continue
		}
		s, ok := t.Type.(*ast.StructType)
		if !ok || !hasJSON(s) {
			continue
		}
		if err := message(out, t.Name.Name, d.Doc, s); err != nil {
			return fmt.Errorf("%s: %w", t.Name.Name, err)
		}
	}
	return nil
}

// constants writes typed codes as a union and whole numbers and other strings as constants.
func constants(out *bytes.Buffer, d *ast.GenDecl) {
	var union []string
	var typ string
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		if len(v.Values) != 1 || !v.Names[0].IsExported() {
			continue
		}
		lit, ok := v.Values[0].(*ast.BasicLit)
		if !ok {
			continue
		}
		if id, ok := v.Type.(*ast.Ident); ok {
			typ = id.Name
			union = append(union, lit.Value)
			continue
		}
		fmt.Fprintf(out, "\n%sexport const %s = %s;\n", comment("", v.Doc, v.Comment), v.Names[0].Name, lit.Value)
	}
	if len(union) > 0 {
		fmt.Fprintf(out, "\n%sexport type %s =\n\t| %s;\n", comment("", d.Doc), typ, strings.Join(union, "\n\t| "))
	}
}

func hasJSON(s *ast.StructType) bool {
	for _, f := range s.Fields.List {
		if f.Tag != nil && strings.Contains(f.Tag.Value, `json:"`) {
			return true
		}
	}
	return false
}

func message(out *bytes.Buffer, name string, doc *ast.CommentGroup, s *ast.StructType) error {
	var extends []string
	var fields bytes.Buffer
	for _, f := range s.Fields.List {
		if len(f.Names) == 0 {
			id, ok := f.Type.(*ast.Ident)
			if !ok {
				return fmt.Errorf("an embedded field that is not of this package")
			}
			extends = append(extends, id.Name)
			continue
		}
		if f.Tag == nil || !f.Names[0].IsExported() {
			continue
		}
		key, option, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json"), ",")
		if key == "-" || key == "" {
			continue
		}
		typ, err := typeName(f.Type)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		optional := ""
		if strings.Contains(option, "omitempty") || strings.Contains(option, "omitzero") {
			optional = "?"
		}
		if key == "type" {
			if quoted := kind(f.Comment); quoted != "" {
				typ = quoted
			}
		}
		fmt.Fprintf(&fields, "%s\t%s%s: %s;\n", comment("\t", f.Doc, f.Comment), key, optional, typ)
	}
	heritage := ""
	if len(extends) > 0 {
		heritage = " extends " + strings.Join(extends, ", ")
	}
	fmt.Fprintf(out, "\n%sexport interface %s%s {\n%s}\n", comment("", doc), name, heritage, fields.String())
	return nil
}

// kind is the literal that the comment of a type field gives, as in `// "reply"`.
func kind(c *ast.CommentGroup) string {
	if text := strings.TrimSpace(c.Text()); len(text) > 2 && text[0] == '"' && strings.IndexByte(text[1:], '"') == len(text)-2 {
		return text
	}
	return ""
}

// typeName gives the TypeScript name of the JSON form of a Go type.
func typeName(e ast.Expr) (string, error) {
	switch t := e.(type) {
	case *ast.Ident:
		switch t.Name {
		case "string":
			return "string", nil
		case "bool":
			return "boolean", nil
		case "any":
			return "unknown", nil
		case "float64", "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64":
			return "number", nil
		}
		return t.Name, nil
	case *ast.StarExpr:
		return typeName(t.X)
	case *ast.ArrayType:
		inner, err := typeName(t.Elt)
		return inner + "[]", err
	case *ast.MapType:
		inner, err := typeName(t.Value)
		return "Record<string, " + inner + ">", err
	case *ast.SelectorExpr:
		switch pkg := t.X.(*ast.Ident).Name; pkg + "." + t.Sel.Name {
		case "id.ID", "time.Time":
			return "string", nil
		case "json.RawMessage":
			return "unknown", nil
		default:
			return "", fmt.Errorf("no TypeScript for %s.%s", pkg, t.Sel.Name)
		}
	}
	return "", fmt.Errorf("no TypeScript for %T", e)
}

// comment joins comments into one JSDoc block, or nothing.
func comment(indent string, groups ...*ast.CommentGroup) string {
	var lines []string
	for _, g := range groups {
		for _, l := range strings.Split(strings.TrimSpace(g.Text()), "\n") {
			if l != "" {
				lines = append(lines, strings.ReplaceAll(l, "*/", "* /"))
			}
		}
	}
	switch len(lines) {
	case 0:
		return ""
	case 1:
		return indent + "/** " + lines[0] + " */\n"
	}
	return indent + "/**\n" + indent + " * " + strings.Join(lines, "\n"+indent+" * ") + "\n" + indent + " */\n"
}
