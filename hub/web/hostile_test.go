package web

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// vectors are strings that did harm somewhere: as markup, script, template, formula, header or log line.
var vectors = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</script><script>alert(1)</script>`, `<!--`, `-->`, `]]>`, `<![CDATA[`, `<svg/onload=alert(1)>`,
	`javascript:alert(1)`, `<a href="javascript:alert(1)">x</a>`, `&lt;script&gt;`, `&#60;script&#62;`, `'-alert(1)-'`, "`${alert(1)}`", `{{constructor.constructor('alert(1)')()}}`,
	`<%= 7*7 %>`, `#{7*7}`, `${{7*7}}`, `<math><mi//xlink:href="data:x,<script>alert(1)</script>">`, `<iframe srcdoc="&lt;script&gt;alert(1)&lt;/script&gt;">`, `\u003cscript\u003e`, `\"};alert(1)//`,
	`<style>@import'//evil.example'</style>`, `<base href=//evil.example>`, `<meta http-equiv=refresh content=0>`, `[x](javascript:alert(1))`, `![x](//evil.example/p.png)`, `<plaintext>`,
	`=cmd|' /C calc'!A0`, `+1+1`, `@SUM(1)`, `-2+3`, `%0d%0aSet-Cookie:x=y`, `../../etc/passwd`, `'; DROP TABLE campaigns; --`, `$ne`, `__proto__`, `constructor`, `<ｓcript>`, `＜script＞`, `a&b<c>d"e'f`,
	"x\u2028alert(1)\u2029y", `<xss style="x:expression(alert(1))">`, `data:text/html,<script>alert(1)</script>`, `<input autofocus onfocus=alert(1)>`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
}

// inert says what would be wrong with showing an answer to a browser: JSON that a browser could take for something else, or markup in it that is not escaped.
func inert(a answer) error {
	if kind := a.header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
		return fmt.Errorf("the content type is %q", kind)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
		if a.header.Get(name) != want {
			return fmt.Errorf("%s is %q", name, a.header.Get(name))
		}
	}
	policy := a.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		return fmt.Errorf("the policy is %q", policy)
	}
	return plain(string(a.body))
}

// plain says whether a text holds nothing that HTML or a script would read as its own.
func plain(text string) error {
	if at := strings.IndexAny(text, "<>&\u2028\u2029\x00\x1b"); at >= 0 {
		return fmt.Errorf("%q stands in it as it is", text[max(0, at-20):min(len(text), at+20)])
	}
	return nil
}

// TestHostileText is T1 and T2 on the server's side: hostile strings in every field that anybody can fill come back as JSON that no browser takes for
// anything else, with every sign of HTML escaped; pages, pictures, headers and close reasons never hold them. That the page shows them as text is for the
// browser's tests.
func TestHostileText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	groups := []string{"citizen"}
	themes := []string{}
	for n, v := range vectors {
		if n%5 == 0 && len(v) < 40 {
			groups, themes = append(groups, v), append(themes, v)
		}
	}
	var made struct{ ID, Code string }
	w.must(http.StatusCreated, &made, "POST", "/api/v1/campaigns", map[string]any{
		"title": vectors[0], "languages": []string{"nl"}, "settings": map[string]any{"groups": groups},
		"challenge": map[string]any{"title": vectors[1], "text": strings.Join(vectors, "\n"), "themes": themes},
	}, "Bearer", operatorToken)
	w.codes[made.ID] = made.Code
	c := made.ID
	var people []person
	accepted := 0
	for n, v := range vectors {
		body := joinBody(made.Code, v)
		body["organisation"], body["channel"], body["group"] = v, v, groups[n%len(groups)]
		a := w.do("POST", "/api/v1/join", body)
		if err := inert(a); err != nil {
			t.Errorf("joining as %q: %v", v, err)
		}
		if a.status == http.StatusCreated {
			accepted++
			people = append(people, person{token: cookieOf(t, a).Value, role: "participant"})
		}
		for field, value := range map[string]any{"code": v, "name": v, "group": v, "channel": v, "organisation": v, "key": v, v: v} {
			body := joinBody(made.Code, "Ana")
			body[field] = value
			if err := inert(w.do("POST", "/api/v1/join", body)); err != nil {
				t.Errorf("joining with %s %q: %v", field, v, err)
			}
		}
	}
	if accepted < len(vectors)/2 {
		t.Errorf("only %d of %d vectors are names: the test shows little", accepted, len(vectors))
	}
	var seq uint64
	s := w.open(c, people[0])
	for n, v := range vectors {
		who := people[n%len(people)]
		post := newCommand("idea.post", "title", v, "text", v, "need", v)
		r := w.send(c, who, post)
		if r.Error != nil {
			continue
		}
		idea := r.made()
		for _, cmd := range []command{
			newCommand("comment.post", "idea", idea, "kind", "question", "text", v), newCommand("idea.report", "idea", idea, "reason", v),
			newCommand("participant.rename", "name", v, "organisation", v), newCommand("idea.edit", "idea", idea, "need", v+v),
		} {
			w.send(c, who, cmd)
		}
		seq = max(seq, w.send(c, organiser, newCommand("idea.answer", "idea", idea, "status", "done", "reason", v)).Seq)
		for _, cmd := range []command{{ID: newUUID(), Type: v, Data: map[string]any{}}, newCommand("idea.post", v, v), newCommand("stage.set", "stage", v), {ID: v, Type: "idea.post"}} {
			a := w.do("POST", "/api/v1/campaigns/"+c+"/commands", cmd, "Bearer", who.token)
			if err := inert(a); err != nil || a.status/100 != 4 {
				t.Errorf("a refusal of %q: %v, %v", v, a, err)
			}
		}
	}
	if seq == 0 {
		t.Fatal("nothing was posted")
	}
	paths := []string{"", "/me", "/results", "/export", "/participants"}
	for _, v := range vectors {
		paths = append(paths, "?q="+strings.ReplaceAll(percent(v), "+", "%20"), "?sort="+percent(v), "?theme="+percent(v), "?limit="+percent(v), "?lang="+percent(v), "/live?after="+percent(v))
	}
	for _, path := range paths {
		for _, who := range []person{people[0], organiser} {
			if err := inert(w.do("GET", "/api/v1/campaigns/"+c+path, nil, "Bearer", who.token, "Accept-Language", vectors[0])); err != nil {
				t.Errorf("GET %s by %s: %v", path, who.role, err)
			}
		}
	}
	for _, path := range []string{"/api/v1/campaigns", "/api/v1/me", "/api/v1/codes/" + made.Code, "/api/v1/codes/" + percent(vectors[0]), "/api/v1/" + percent(vectors[0]), "/api/" + percent(vectors[1])} {
		if err := inert(w.do("GET", path, nil, "Bearer", people[0].token)); err != nil {
			t.Errorf("GET %s: %v", path, err)
		}
	}
	s.wait("the last answer", func() bool { return s.to >= seq || s.reset })
	for _, line := range strings.Split(s.text(), "\n") {
		if err := plain(line); err != nil {
			t.Errorf("a frame: %v", err)
		}
	}
	// Pages are the same whatever stands in the campaign, and whatever the address says.
	for _, path := range []string{"/c/" + c, "/j/" + percent(vectors[0]), "/" + percent(vectors[1]), "/c/" + percent(vectors[0]) + "/console", "/signin?x=" + percent(vectors[0]), "/j/x?lang=" + percent(vectors[1])} {
		a := w.do("GET", path, nil, "Accept-Language", vectors[2])
		if a.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("GET %s: %v", path, a)
		}
		for _, v := range vectors {
			if len(v) > 8 && strings.Contains(string(a.body), v) {
				t.Errorf("GET %s holds %q", path, v)
			}
		}
	}
	// The picture of a code is nothing but shapes, whatever the host is called.
	drawing := regexp.MustCompile(`^<svg xmlns="http://www.w3.org/2000/svg" viewBox="[0-9 ]+" shape-rendering="crispEdges"><path fill="#fff" d="[MhvHVz0-9 -]+"/><path fill="#000" d="[Mhvz0-9 -]+"/></svg>$`)
	for _, host := range []string{"", "evil.example", `x"><script>`, strings.Repeat("a", 3000)} {
		header := []string{"Bearer", operatorToken}
		if host != "" {
			header = append(header, "Host", host)
		}
		a, err := w.try("GET", "/api/v1/campaigns/"+c+"/qr.svg", nil, header...)
		if err != nil {
			continue // the client would not send it
		}
		if a.status == http.StatusOK && (!drawing.Match(a.body) || a.header.Get("Content-Type") != "image/svg+xml" || a.header.Get("X-Content-Type-Options") != "nosniff") || a.status >= 500 {
			t.Errorf("the picture for host %q: %v", host, a)
		}
	}
}

func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// TestNamesAreVisible is T2 for names: nothing that hides, turns round or controls, in no field where a name can be given.
func TestNamesAreVisible(t *testing.T) {
	w := newWorld(t)
	c := w.create("Namen", nil)
	ana := w.join(c, "Ana")
	bad := []string{
		"\u202eanA", "A\u200bna", "Ana\u0000", "Ana\n", "\tAna\u0007", "Ana\u2066", "\u061cAna", "\ufeffAna", "An\u00ada", "\u2060", "\u3164", "Ana\r\nBen", "Ana\x1b[31m", "A\u0085na", strings.Repeat("a", 61), "\U000e0041na",
	}
	var taken []string
	for _, name := range bad {
		for _, field := range []string{"name", "organisation"} {
			if strings.TrimSpace(name) == "Ana" {
				continue // white space around a name is cut off
			}
			body := joinBody(w.codes[c], "Ana")
			body[field] = name
			if a := w.do("POST", "/api/v1/join", body); a.status/100 != 4 {
				taken = append(taken, fmt.Sprintf("joining with %s %q", field, name))
			}
			cmd := newCommand("participant.rename", "name", "Ana", "organisation", "")
			cmd.Data[field] = name
			if r := w.send(c, ana, cmd); r.Error == nil {
				taken = append(taken, fmt.Sprintf("renaming with %s %q", field, name))
			}
		}
		if strings.TrimSpace(name) != "Ana" {
			if a := w.do("POST", "/api/v1/invite", map[string]any{"token": w.invitation(c, "observer"), "name": name}); a.status/100 != 4 {
				taken = append(taken, fmt.Sprintf("an invitation as %q", name))
			}
		}
	}
	if len(taken) > 0 {
		t.Errorf("these were taken: %v", taken)
	}
	if text := string(w.do("GET", "/api/v1/campaigns/"+c+"/participants", nil, "Bearer", operatorToken).body); slices.ContainsFunc(bad, func(b string) bool { return len(b) > 4 && strings.Contains(text, b) }) {
		t.Error("a bad name is in the list of participants")
	}
}
