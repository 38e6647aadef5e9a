/** The kind of a comment, in words and with a sign. */
import { label } from "../i18n/index.ts";
import { Icon } from "../ui/icons.tsx";

const kindIcon = {
	experience: "user",
	expertise: "lightbulb",
	question: "message-circle",
	concern: "circle-alert",
	support: "thumbs-up",
} as const;

export function Kind({ kind }: { kind: string }) {
	return (
		<span class={`tag ${kind === "concern" ? "warn" : kind === "support" ? "good" : kind === "question" ? "info" : ""}`}>
			<Icon name={kindIcon[kind as keyof typeof kindIcon] ?? "message-circle"} />
			{label("kind", kind)}
		</span>
	);
}
