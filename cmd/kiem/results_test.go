package main_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"kiem/hub/redisconn/redistest"
	"kiem/id"
)

// runKiem runs the program and gives what it printed and its exit code.
func runKiem(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, problems bytes.Buffer
	cmd := exec.Command(kiemBinary(t), args...)
	cmd.Env = append(cleanEnv(), "KIEM_TOKEN="+adminToken)
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), problems.String(), cmd.ProcessState.ExitCode()
}

// exportTo writes a file that has to come about, and gives its name.
func exportTo(t testing.TB, campaign, format string, more ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "results."+format)
	args := append([]string{"export", "--campaign", campaign, "--format", format, "--out", name}, more...)
	if out, problems, code := runKiem(t, args...); code != 0 || out != "" || problems != "" {
		t.Fatalf("kiem %v: exit %d, %s%s", args, code, out, problems)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(name), ".*")); err != nil || len(left) > 0 {
		t.Errorf("left beside the file: %v %v", left, err)
	}
	return name
}

// rowsOf reads a table.
func rowsOf(t testing.TB, r io.Reader, comma rune) []map[string]string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	c := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	c.Comma = comma
	all, err := c.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, record := range all[1:] {
		row := map[string]string{}
		for n, code := range all[0] {
			row[code] = record[n]
		}
		rows = append(rows, row)
	}
	return rows
}

// unzipped is a zip's files by name.
func unzipped(t testing.TB, name string) map[string][]byte {
	t.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// verifies says that `kiem verify` finds nothing wrong in a file, and the head that it should.
func verifies(t testing.TB, name, head string, seq uint64) {
	t.Helper()
	out, problems, code := runKiem(t, "verify", name)
	if code != 0 || !strings.HasSuffix(out, fmt.Sprintf("head %s seq %d\n", head, seq)) {
		t.Errorf("kiem verify: exit %d, %s%s", code, out, problems)
	}
}

// TestPublicExport: what everybody in a campaign may fetch in its last stage verifies, with the head that the server shows; and no name is in it.
func TestPublicExport(t *testing.T) {
	s := rowScript(t)
	var code string
	s.campaign, code = s.create(t, "Openbaar", map[string]any{})
	ana, ben := s.join(t, code, "Ana Kanarie", "citizen"), s.join(t, code, "Ben", "firm")
	idea := madeIdea(t, s.client(t, ana).connect().must(postIdea(newUUID(), "Bank in de zon")))
	client := s.client(t, ben).connect()
	client.must(setSupport(newUUID(), idea, 1))
	client.must(protoCommand{ID: newUUID(), Type: "idea.report", Data: map[string]any{"idea": idea, "reason": "dubbel"}})
	if f := s.organise(t, "stage.set", map[string]any{"stage": "result"}); f.Error != nil {
		t.Fatal(f.Error)
	}
	var live protoExport
	s.server.want(http.StatusOK, &live, "GET", "/campaigns/"+s.campaign+"/export", ben.Token, nil)
	status, header, text := s.server.call("GET", "/campaigns/"+s.campaign+"/export?format=zip&lang=en", ben.Token, nil)
	name := filepath.Join(t.TempDir(), "public.zip")
	if err := os.WriteFile(name, text, 0o600); err != nil || status != http.StatusOK || header.Get("Content-Type") != "application/zip" {
		t.Fatal(err, status, header)
	}
	verifies(t, name, live.Head, live.Seq)
	for file, text := range unzipped(t, name) {
		for _, secret := range []string{"Kanarie", ana.Participant.ID, ben.Participant.ID, "dubbel"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s has %q", file, secret)
			}
		}
	}
	if out, _, code := runKiem(t, "verify", broken(t, text)); code != 1 {
		t.Errorf("a changed file: exit %d, %s", code, out)
	}
}

// broken writes a zip with one byte changed.
func broken(t testing.TB, whole []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "broken.zip")
	if err := os.WriteFile(name, flipped(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestExportCommand: while the demo runs on its data, `kiem export` writes every format, from the directory and from the server, and all say the same: the ideas,
// their order, totals and group figures, and the head that the server has.
func TestExportCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server")
	}
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	server := serveKiem(t, kiemBinary(t), data)
	server.args[0] = "demo"
	server.start()
	campaign := id.Derive(id.ID{}, "kiem", "demo", "inclusie").String()
	var live protoExport
	server.want(http.StatusOK, &live, "GET", "/campaigns/"+campaign+"/export", adminToken, nil)
	if len(live.Ideas) < 20 {
		t.Fatalf("the demo has %d ideas", len(live.Ideas))
	}
	for _, source := range [][]string{{"--data", data}, {"--url", "http://" + server.addr}} {
		check := func(format string, rows []map[string]string) {
			t.Helper()
			if len(rows) != len(live.Ideas) {
				t.Fatalf("%s %s has %d ideas, the server %d", source[0], format, len(rows), len(live.Ideas))
			}
			for n, row := range rows {
				i := live.Ideas[n]
				if row["idea"] != i.ID || row["title"] != i.Title || row["text"] != i.Text || row["support"] != fmt.Sprint(*i.Support.Total) {
					t.Errorf("%s %s row %d is %v, want %+v", source[0], format, n, row, i)
				}
				sum := 0
				for g, v := range i.Support.ByGroup {
					sum += v
					if row["support_"+g] != fmt.Sprint(v) {
						t.Errorf("%s %s: %s of %q is %q, released %d", source[0], format, g, i.Title, row["support_"+g], v)
					}
				}
				if sum > *i.Support.Total {
					t.Errorf("figures of %q exceed its total: this test compares what is not comparable", i.Title)
				}
			}
		}
		var file protoExport
		text, err := os.ReadFile(exportTo(t, campaign, "json", source...))
		if err != nil || json.Unmarshal(text, &file) != nil || file.Head != live.Head || file.Seq != live.Seq || len(file.Ideas) != len(live.Ideas) {
			t.Errorf("%s json: %v, head %s, the server's %s", source[0], err, file.Head, live.Head)
		}
		table, err := os.Open(exportTo(t, campaign, "csv", append(source, "--lang", "fr")...))
		if err != nil {
			t.Fatal(err)
		}
		rows := rowsOf(t, table, ';')
		_ = table.Close()
		check("csv", rows)
		if rows[0]["log_head"] != live.Head || rows[0]["measure"] != "support" || rows[0]["made_at"] == "" || rows[0]["rule"] == "" {
			t.Errorf("the csv says of itself %v", rows[0])
		}
		book, err := excelize.OpenFile(exportTo(t, campaign, "xlsx", append(source, "--lang", "en")...))
		if err != nil {
			t.Fatal(err)
		}
		cells, err := book.GetRows("Ideas")
		_ = book.Close()
		if err != nil || len(cells) != len(live.Ideas)+1 || cells[1][2] != live.Ideas[0].Title || cells[0][2] != "Title" {
			t.Errorf("xlsx: %v, %d rows, %.300v", err, len(cells), cells[:2])
		}
		whole := exportTo(t, campaign, "zip", source...)
		verifies(t, whole, live.Head, live.Seq)
		verifies(t, exportTo(t, campaign, "zip", append(source, "--top", "7", "--measure", "bridging", "--group-min", "5", "--no-names")...), live.Head, live.Seq)
		files := unzipped(t, whole)
		check("zip", rowsOf(t, bytes.NewReader(files["ideas.csv"]), ','))
		var manifest struct {
			Format, Head string
			Seq          uint64
			Ballots      int
			Files        map[string]string
		}
		if err := json.Unmarshal(files["campaign.json"], &manifest); err != nil || manifest.Format != "kiem.export/1" || manifest.Head != live.Head || manifest.Seq != live.Seq {
			t.Errorf("campaign.json: %v %+v", err, manifest)
		}
		if lines := bytes.Count(files["log.jsonl"], []byte("\n")); uint64(lines) != live.Seq || !bytes.Contains(files["log.jsonl"], []byte(live.Head)) {
			t.Errorf("log.jsonl has %d lines of %d, or not the head", lines, live.Seq)
		}
		if rows := bytes.Count(files["ballots.csv"], []byte("\n")) - 1; rows != manifest.Ballots {
			t.Errorf("%d ballots, want %d", rows, manifest.Ballots)
		}
		top := exportTo(t, campaign, "csv", append(source, "--top", "3", "--measure", "bridging", "--group-min", "5", "--no-names", "--lang", "en")...)
		if table, err = os.Open(top); err != nil {
			t.Fatal(err)
		}
		rows = rowsOf(t, table, ',')
		_ = table.Close()
		if len(rows) != 3 || rows[0]["author_name"] != "" || rows[0]["bridging"] < rows[1]["bridging"] && len(rows[0]["bridging"]) <= len(rows[1]["bridging"]) {
			t.Errorf("the top of bridging: %v", rows)
		}
	}
	// What goes wrong is said, with the exit code, and leaves no file.
	for _, c := range []struct {
		code int
		args []string
	}{
		{2, []string{"--campaign", "x", "--data", data}},
		{2, []string{"--campaign", campaign, "--data", data, "--format", "pdf"}},
		{2, []string{"--campaign", campaign, "--data", data, "--top", "-1"}},
		{1, []string{"--campaign", newUUID(), "--data", data}},
		{1, []string{"--campaign", campaign, "--data", t.TempDir()}},
		{1, []string{"--campaign", newUUID(), "--url", "http://" + server.addr}},
		{1, []string{"--campaign", campaign, "--url", "http://" + server.addr, "--token", "wrong-token"}},
	} {
		name := filepath.Join(t.TempDir(), "none")
		_, problems, code := runKiem(t, append([]string{"export", "--out", name}, c.args...)...)
		if _, err := os.Stat(name); code != c.code || problems == "" || err == nil {
			t.Errorf("kiem export %v: exit %d, want %d: %s", c.args, code, c.code, problems)
		}
	}
}

// TestExportFromRedis: beside a server on Redis, `kiem export --redis` writes the same as the server, and what it writes verifies.
func TestExportFromRedis(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server and Redis")
	}
	t.Parallel()
	redis := redistest.Start(t)
	s := &protoScript{server: serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "data"), "--redis", redis.URL())}
	s.server.start()
	var code string
	s.campaign, code = s.create(t, "Op Redis", map[string]any{})
	ana := s.client(t, s.join(t, code, "Ana Naamsma", "citizen")).connect()
	idea := madeIdea(t, ana.must(postIdea(newUUID(), "Bank in de zon")))
	ana.must(setSupport(newUUID(), idea, 1))
	var live protoExport
	s.server.want(http.StatusOK, &live, "GET", "/campaigns/"+s.campaign+"/export", adminToken, nil)
	whole := exportTo(t, s.campaign, "zip", "--redis", redis.URL())
	verifies(t, whole, live.Head, live.Seq)
	rows := rowsOf(t, bytes.NewReader(unzipped(t, whole)["ideas.csv"]), ',')
	if len(rows) != 1 || rows[0]["title"] != "Bank in de zon" || rows[0]["author_name"] != "Ana Naamsma" || rows[0]["support"] != "1" {
		t.Errorf("%v", rows)
	}
}
