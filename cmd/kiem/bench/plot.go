package bench

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// bar is one measurement in the plot: a ratio to the floor with its spread.
type bar struct {
	label string
	value spread
	goal  float64 // 0: none, as of what is only shown for comparison
	least bool    // the goal is a least, not a most
}

// Sizes of the plot in pixels.
const (
	plotWidth  = 820
	plotLabels = 360
	plotBar    = 18
	plotRow    = 30
	plotHead   = 64
)

// bars are the ratios that the plot shows.
func (r *Result) bars() (list []bar) {
	for _, f := range r.Fanout {
		list = append(list, bar{label: fmt.Sprintf("Fan-out to %d: processor time", f.Connections), value: f.Ratio, goal: goalFanout},
			bar{label: fmt.Sprintf("Fan-out to %d: textbook hub", f.Connections), value: f.TextbookRatio})
	}
	for _, i := range r.Intake {
		if i.Watchers > 0 {
			continue
		}
		rate := bar{label: fmt.Sprintf("Intake, %d × %d: answers a second (more is better)", i.Connections, i.InFlight), value: i.Ratio, least: true}
		wait := bar{label: fmt.Sprintf("Intake, %d × %d: p99", i.Connections, i.InFlight), value: i.P99Ratio}
		if i.InFlight == 1 {
			rate.goal, wait.goal = goalIntake, goalWait
		}
		list = append(list, rate, wait)
	}
	if r.Storm != nil {
		list = append(list, bar{label: fmt.Sprintf("Join storm of %d: time", r.Storm.Clients), value: r.Storm.Ratio, goal: goalStorm})
	}
	if r.Redis != nil {
		list = append(list, bar{label: "Redis: answers a second to bare XADDs (more is better)", value: r.Redis.Ratio, goal: goalRedis, least: true})
	}
	shown := list[:0]
	for _, one := range list {
		if len(one.value.All) > 0 {
			shown = append(shown, one)
		}
	}
	return shown
}

// WritePlot draws the ratios to the floor as an SVG: the median as a bar, the least and the greatest as a line, the goal as a mark. What it shows also stands in it as text, for those
// who do not see it.
func (r *Result) WritePlot(w io.Writer) error {
	list := r.bars()
	high := 1.0
	var said strings.Builder
	for _, one := range list {
		high = max(high, one.value.Max, one.goal)
		fmt.Fprintf(&said, "%s: %s times the floor", one.label, one.value)
		if one.goal > 0 {
			word := "at most"
			if one.least {
				word = "at least"
			}
			fmt.Fprintf(&said, ", goal %s %s", word, number(one.goal))
		}
		said.WriteString(". ")
	}
	scale := (plotWidth - plotLabels - 40) / (high * 1.05)
	x := func(v float64) float64 { return plotLabels + v*scale }
	height := plotHead + plotRow*len(list) + 30
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="t d" font-family="sans-serif" font-size="13">`+"\n",
		plotWidth, height, plotWidth, height)
	fmt.Fprintf(&b, "<title id=\"t\">Kiem beside the floor of each load</title>\n<desc id=\"d\">%s</desc>\n", escape(said.String()))
	fmt.Fprintf(&b, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", plotWidth, height)
	fmt.Fprintf(&b, "<text x=\"12\" y=\"22\" font-size=\"16\" fill=\"#111\">Kiem beside the floor of each load (floor = 1)</text>\n")
	fmt.Fprintf(&b, "<text x=\"12\" y=\"42\" fill=\"#444\">%s</text>\n", escape(fmt.Sprintf("%s, %d processors, load %s; median, least and greatest of %d; mark: goal",
		r.Machine.CPU, r.Machine.Processors, r.Machine.LoadBefore, r.Repeats)))
	fmt.Fprintf(&b, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#444\" stroke-dasharray=\"4 3\"/>\n", x(1), plotHead-10, x(1), height-20)
	for i, one := range list {
		top := plotHead + plotRow*i
		middle := float64(top) + plotBar/2
		fill := "#1f5fa8"
		if one.goal == 0 {
			fill = "#9a9a9a"
		}
		fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"#111\">%s</text>\n", plotLabels-8, top+14, escape(one.label))
		fmt.Fprintf(&b, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", plotLabels, top, one.value.Median*scale, plotBar, fill)
		fmt.Fprintf(&b, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#111\" stroke-width=\"2\"/>\n", x(one.value.Min), middle, x(one.value.Max), middle)
		if one.goal > 0 {
			fmt.Fprintf(&b, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#b3261e\" stroke-width=\"3\"/>\n", x(one.goal), top-4, x(one.goal), top+plotBar+4)
		}
		fmt.Fprintf(&b, "<text x=\"%.1f\" y=\"%d\" fill=\"#111\">%s</text>\n", max(x(one.value.Max), x(one.goal))+6, top+14, number(one.value.Median))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}
