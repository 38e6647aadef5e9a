package web

import (
	"context"
	"math"
	"net/http"

	"github.com/gin-gonic/gin"

	"kiem/hub/campaign"
	"kiem/hub/intake"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas/similar"
)

// maxSimilar is how many look-alikes are given at most.
const maxSimilar = 10

// similar is POST /campaigns/{id}/similar: the ideas that look like what somebody is writing. It changes nothing; it is a POST so that a draft stands in no address
// and no log.
func (s *Server) similar(c *gin.Context) error {
	v, err := s.enter(c)
	if err != nil {
		return err
	}
	if _, _, err := place(c, v); err != nil {
		return err
	}
	if err := s.spend(c, v.caller); err != nil {
		return err
	}
	o, err := readObject(c)
	if err != nil {
		return err
	}
	text, except := similar.Text{Title: o.String("title"), Body: o.String("text")}, o.ID("except")
	if fault := o.Done(); fault != nil {
		return failure{intake.Refusal(fault)}
	}
	list, err := s.lookalikes(c.Request.Context(), v, text, except)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"ideas": list})
	return nil
}

type lookalike struct {
	ID    id.ID   `json:"id"`
	Title string  `json:"title"`
	Score float64 `json:"score"` // 0 to 1
}

// lookalikes are the ideas that resemble a text, but for one (which is being edited, or merged).
func (s *Server) lookalikes(ctx context.Context, v *visit, text similar.Text, except id.ID) ([]lookalike, error) {
	found, err := v.room.Similar(ctx, text, maxSimilar+1)
	if err != nil {
		return nil, err
	}
	list := make([]lookalike, 0, len(found))
	err = v.room.View(ctx, machine.Public, func(view campaign.View, m *campaign.Machine) {
		for _, match := range found {
			i := m.Board().Idea(match.Idea)
			if i == nil || match.Idea == except || !view.Sees(i) || len(list) == maxSimilar { // hidden since
				continue
			}
			list = append(list, lookalike{match.Idea, i.Current.Title.Words(), math.Round(match.Score*100) / 100})
		}
	})
	return list, err
}
