package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// hall is a campaign with people in it, each with a session.
type hall struct {
	server *server
	client *http.Client
	id     string
	code   string
	tokens []string
	ideas  []string
	shown  bool // the idea that is voted on has figures of all groups
}

// Limits of preparing.
const (
	// joinAtOnce is how many people join at the same time: they share the disk's syncs.
	joinAtOnce = 128
	// postAtOnce is how many commands of preparing are sent with one request.
	postAtOnce = 100
)

// rateHint ends the error of a server that took a measurement for a flood.
const rateHint = " (a server that is measured needs --rate-scale 1000000)"

// groups are what people declare when they join.
var groups = []string{"citizen", "civil_society", "firm", "knowledge", "government"}

// newHall creates a campaign with ideas, posted by its organiser.
func newHall(ctx context.Context, s *server, ideas int) (*hall, error) {
	h := &hall{server: s, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: joinAtOnce}}}
	var made struct{ ID, Code string }
	if err := h.call(ctx, "/campaigns", s.token, map[string]any{
		"title": "Kiem bench", "template": "campaign", "challenge": map[string]any{"title": "Hoe snel gaat het?", "text": "Een campagne om te meten."},
		"settings": map[string]any{"attendance": 100_000},
	}, &made); err != nil {
		return nil, err
	}
	h.id, h.code = made.ID, made.Code
	if err := h.people(ctx, 1); err != nil {
		return nil, err
	}
	for len(h.ideas) < ideas {
		list := make([]any, 0, postAtOnce)
		for k := range min(postAtOnce, ideas-len(h.ideas)) {
			n := len(h.ideas) + k
			list = append(list, map[string]any{"type": "idea.post", "data": map[string]any{
				"title": fmt.Sprintf("Idee %d: meer groen in de straat", n), "text": someText(n), "need": "Wie hier woont, heeft nu geen plek in de schaduw.",
			}})
		}
		var replies []struct {
			Data  struct{ Idea string }
			Error *struct{ Code, Message string }
		}
		if err := h.call(ctx, "/campaigns/"+h.id+"/commands", h.tokens[0], list, &replies); err != nil {
			return nil, err
		}
		for _, r := range replies {
			if r.Error != nil {
				return nil, fmt.Errorf("bench: an idea was refused: %s%s", r.Error.Code, rateHint)
			}
			h.ideas = append(h.ideas, r.Data.Idea)
		}
	}
	return h, nil
}

// words are what ideas are made of: texts that all differ compress like those that people write.
var words = strings.Fields("op de hoek staan twee banken in de volle zon met drie bomen een pergola en een waterpunt wordt het een plek waar buren elkaar treffen " +
	"ook op warme dagen de wijkraad wil het onderhoud delen met de school en de leerlingen kiezen samen planten fietspad speeltuin regenwater schaduw bus " +
	"traag verkeer avond markt atelier bibliotheek repaircafé moestuin kinderen ouderen drempel bankje licht veilig goedkoop proef straat")

// someText is the text of the n-th idea, about as long as what people write.
func someText(n int) string {
	var b strings.Builder
	x := uint32(n)*2654435761 + 1
	for k := range 36 {
		if k > 0 {
			b.WriteByte(' ')
		}
		x = x*1664525 + 1013904223
		b.WriteString(words[(x>>8)%uint32(len(words))])
	}
	b.WriteByte('.')
	return b.String()
}

// people brings the campaign to at least n people.
func (h *hall) people(ctx context.Context, n int) error {
	first := len(h.tokens)
	if n <= first {
		return nil
	}
	h.tokens = append(h.tokens, make([]string, n-first)...)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range min(joinAtOnce, n-first) {
		wg.Go(func() {
			for k := range numbers {
				var joined struct{ Token string }
				if err := h.call(ctx, "/join", "", map[string]any{"code": h.code, "name": fmt.Sprintf("Stem %d", k), "group": groups[k%len(groups)]}, &joined); err != nil {
					cancel(err)
					continue
				}
				h.tokens[k] = joined.Token
			}
		})
	}
	for k := first; k < n && ctx.Err() == nil; k++ {
		numbers <- k
	}
	close(numbers)
	wg.Wait()
	return context.Cause(ctx)
}

// call posts to the server and reads the answer.
func (h *hall) call(ctx context.Context, path, token string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.server.url("/api/v1"+path), bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		hint := ""
		if res.StatusCode == http.StatusTooManyRequests {
			hint = rateHint
		}
		return fmt.Errorf("bench: POST %s: %s %s%s", path, res.Status, answer, hint)
	}
	return json.Unmarshal(answer, into)
}

// head is the beginning of a handshake of the k-th person.
func (h *hall) head(b []byte, k int) []byte {
	b = append(append(append(b, "GET /api/v1/campaigns/"...), h.id...), "/live HTTP/1.1\r\nAuthorization: Bearer "...)
	return append(append(b, h.tokens[k]...), "\r\n"...)
}

// plainHead is the beginning of a handshake with a server that asks nothing.
func plainHead(b []byte, _ int) []byte { return append(b, "GET /live HTTP/1.1\r\n"...) }
