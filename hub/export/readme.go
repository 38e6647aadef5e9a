package export

import (
	"fmt"
	"io"
	"strings"
)

// writeReadme writes README.md: what the file is, what it rests on, and every field of every table.
func (s *selection) writeReadme(w io.Writer) error {
	var b strings.Builder
	say := s.words.say
	fmt.Fprintf(&b, "# %s\n\n%s\n\n## %s\n", markdown(say("title", "campaign", s.Campaign.Title)), say("intro"), say("about"))
	for _, pair := range s.about() {
		fmt.Fprintf(&b, "- **%s**: %s\n", pair[0], markdown(pair[1]))
	}
	fmt.Fprintf(&b, "\n## %s\n", say("files"))
	for _, name := range []string{fileReadme, fileManifest} {
		fmt.Fprintf(&b, "- `%s`: %s\n", name, say("file."+name))
	}
	for _, f := range []struct {
		name string
		table
	}{{fileIdeas, s.ideaTable()}, {fileComments, s.commentTable()}, {fileGroups, s.groupTable()}, {fileBallots, s.ballotTable()}, {fileStages, s.stageTable()}} {
		fmt.Fprintf(&b, "\n### `%s`\n%s\n\n| %s | %s |\n|---|---|\n", f.name, say("file."+f.name), say("field"), say("meaning"))
		for _, c := range f.columns {
			fmt.Fprintf(&b, "| %s | %s |\n", code(c), s.words.meaning(c))
		}
	}
	fmt.Fprintf(&b, "\n### `%s`\n%s\n", fileLog, say("file."+fileLog))
	for _, part := range []string{"writing", "check", "import"} {
		fmt.Fprintf(&b, "\n## %s\n%s\n", say(part), say(part+".text"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdown writes a text so that it is nothing but text: one line, no mark-up, no HTML.
func markdown(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		switch {
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case strings.ContainsRune("\\`*_{}[]<>#|~&!()", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// code writes the code of a column; one that a campaign's own group is named in may be anything.
func code(column string) string {
	for _, r := range column {
		if r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return markdown(column)
		}
	}
	return "`" + column + "`"
}
