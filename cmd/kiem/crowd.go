package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"kiem/cmd/kiem/sample"
	"kiem/id"
)

// The crowd is what --people brings: simulated participants that join by the code and use the socket like any client.
const (
	crowdPause   = 6 * time.Second // between two things that one of them does, on average
	crowdJoining = 8               // at the same time
	crowdFirst   = 1000            // their names begin after those of the sample's own people
)

func runCrowd(ctx context.Context, log *slog.Logger, base, code string, people int) {
	s, err := sample.Inclusie()
	if err != nil {
		log.Error("the crowd stays away", "err", err)
		return
	}
	var wg sync.WaitGroup
	doors := make(chan struct{}, crowdJoining)
	for n := range people {
		wg.Go(func() {
			one := &visitor{base: base, code: code, number: n, sample: s, random: rand.New(rand.NewPCG(uint64(n), 7))}
			for ctx.Err() == nil {
				err := one.visit(ctx, doors)
				if err != nil && ctx.Err() == nil {
					log.Debug("a simulated participant comes back later", "number", n, "err", err)
				}
				one.pause(ctx)
			}
		})
	}
	wg.Wait()
}

// visitor is one simulated participant.
type visitor struct {
	base, code string
	number     int
	sample     *sample.Campaign
	random     *rand.Rand
	ideas      []string
	sent       int
}

func (v *visitor) pause(ctx context.Context) {
	t := time.NewTimer(time.Duration((0.5 + v.random.Float64()) * float64(crowdPause)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// visit joins, connects, and takes part until the connection ends.
func (v *visitor) visit(ctx context.Context, doors chan struct{}) error {
	select {
	case doors <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	token, campaignID, err := v.join(ctx)
	<-doors
	if err != nil {
		return err
	}
	header := http.Header{"Authorization": {"Bearer " + token}}
	dialer := websocket.Dialer{Subprotocols: []string{"kiem.v1"}, HandshakeTimeout: 10 * time.Second}
	address := "ws" + strings.TrimPrefix(v.base, "http") + "/api/v1/campaigns/" + campaignID
	ws, res, err := dialer.DialContext(ctx, address+"/live", header)
	if err != nil {
		return err
	}
	defer ws.Close()
	_ = res.Body.Close() // there is none after an upgrade
	ended := make(chan error, 1)
	go func() { // reads, so that pings are answered and the socket never fills
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				ended <- err
				return
			}
		}
	}()
	if err := v.look(ctx, token, campaignID); err != nil {
		return err
	}
	for {
		v.pause(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return err
		default:
		}
		if err := ws.WriteJSON(v.something()); err != nil {
			return err
		}
	}
}

func (v *visitor) call(ctx context.Context, method, path, token string, body, answer any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, v.base+"/api/v1"+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	return json.NewDecoder(res.Body).Decode(answer)
}

func (v *visitor) join(ctx context.Context) (token, campaignID string, err error) {
	p := v.sample.Simulated.Person(crowdFirst + v.number)
	var got struct {
		Token    string
		Campaign struct{ ID string }
	}
	err = v.call(ctx, http.MethodPost, "/join", "", map[string]any{
		"code": v.code, "name": p.Name, "group": p.Group, "channel": "simulation", "key": id.Derive(demoCampaign, "visitor", fmt.Sprint(v.number)),
	}, &got)
	return got.Token, got.Campaign.ID, err
}

// look learns which ideas there are.
func (v *visitor) look(ctx context.Context, token, campaignID string) error {
	var got struct{ Ideas []struct{ ID string } }
	if err := v.call(ctx, http.MethodGet, "/campaigns/"+campaignID+"?limit=200&sort=quiet", token, nil, &got); err != nil {
		return err
	}
	v.ideas = v.ideas[:0]
	for _, i := range got.Ideas {
		v.ideas = append(v.ideas, i.ID)
	}
	return nil
}

// something is a command: mostly support, now and then a remark, seldom an idea.
func (v *visitor) something() map[string]any {
	v.sent++
	var random [16]byte
	for i := range random {
		random[i] = byte(v.random.Uint32())
	}
	c := map[string]any{"id": id.Derive(id.ID(random), "crowd", time.Now().String())}
	pick := func() string { return v.ideas[v.random.IntN(len(v.ideas))] }
	switch n := v.random.IntN(100); {
	case n < 4 || len(v.ideas) == 0:
		i := v.sample.Simulated.Idea(v.number*13 + v.sent)
		c["type"] = "idea.post"
		c["data"] = map[string]any{"title": i.Title, "text": i.Text, "need": i.Need, "innovation": i.Innovation, "themes": i.Themes}
	case n < 14:
		k := v.sample.Simulated.Comment(v.number*7 + v.sent)
		c["type"] = "comment.post"
		c["data"] = map[string]any{"idea": pick(), "kind": k.Kind, "text": k.Text}
	default:
		value := 1
		if v.random.IntN(6) == 0 {
			value = 0
		}
		c["type"] = "support.set"
		c["data"] = map[string]any{"idea": pick(), "value": value}
		c["lane"], c["n"] = fmt.Sprintf("crowd-%d", v.number), v.sent
	}
	return c
}
