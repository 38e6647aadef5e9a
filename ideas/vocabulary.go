package ideas

import "slices"

// Vocabularies. The codes are those of the protocol and of exports; the words for them are in the sentences catalogues.
var (
	// InnovationTypes are the five kinds of novelty that make an innovation social when it meets a need.
	InnovationTypes = []string{"product", "service", "process", "marketing", "organisation"}

	// Nodes are the six innovation nodes (innovatieknooppunten) that label challenges and ideas.
	Nodes = []string{"industrial_transformation", "eco_innovation", "green_mobility", "renewable_energy", "care", "social_innovation"}

	// CommentKinds say what a comment brings.
	CommentKinds = []string{"experience", "expertise", "question", "concern", "support"}

	// AnswerStatuses are the official answers to an idea.
	AnswerStatuses = []string{"accepted", "rejected", "in_progress", "done"}
)

// OneOf says whether code is in the vocabulary.
func OneOf(vocabulary []string, code string) bool { return slices.Contains(vocabulary, code) }
