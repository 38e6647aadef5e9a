/** The words of the protocol that forms offer. Their labels are in the catalogues. */
export const innovationTypes = ["product", "service", "process", "marketing", "organisation"] as const;
export const innovationNodes = [
	"industrial_transformation",
	"eco_innovation",
	"green_mobility",
	"renewable_energy",
	"care",
	"social_innovation",
] as const;
export const commentKinds = ["experience", "expertise", "question", "concern", "support"] as const;
