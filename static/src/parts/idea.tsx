/** What an idea says, without what one can do with it. */
import { label, listed, moment, t } from "../i18n/index.ts";
import type { Idea, Person } from "../protocol.ts";
import { Icon } from "../ui/icons.tsx";

/** The name of a person as others see it; a guest has none, and neither has somebody who was erased. */
export function nameOf(p: Person | undefined): string {
	if (!p) return t("person.unknown");
	return p.name || t("person.guest", { tail: p.id.slice(-4).toUpperCase() });
}

export function Byline({ who, at, now, edited }: { who: Person | undefined; at: string; now: number; edited?: boolean }) {
	return (
		<p class="small quiet">
			<span class="strong">{nameOf(who)}</span>
			{who?.group && <> · {who.role && who.role !== "participant" ? label("role", who.role) : label("group", who.group)}</>}
			{who?.organisation && <> · {who.organisation}</>}
			{" · "}
			<time dateTime={at}>{moment(at, now)}</time>
			{edited && <> · {t("idea.edited")}</>}
		</p>
	);
}

/** The status of an idea in words; nothing when it simply is posted. */
export function StatusTag({ idea, own }: { idea: Idea; own?: boolean }) {
	switch (idea.status) {
		case "posted":
			return own ? (
				<span class="tag good">
					<Icon name="circle-check" />
					{label("status", "posted")}
				</span>
			) : null;
		case "waiting":
			return (
				<span class="tag warn">
					<Icon name="clock" />
					{idea.review ? t("status.review") : label("status", "waiting")}
				</span>
			);
		default:
			return (
				<span class="tag bad">
					<Icon name={idea.status === "hidden" ? "eye-off" : "x"} />
					{label("status", idea.status)}
				</span>
			);
	}
}

export function Marks({ idea }: { idea: Idea }) {
	return (
		<>
			{idea.pinned && (
				<span class="tag sun">
					<Icon name="pin" />
					{t("idea.pinned")}
				</span>
			)}
			{idea.locked && (
				<span class="tag">
					<Icon name="lock" />
					{t("idea.locked")}
				</span>
			)}
			{idea.answer && (
				<span class="tag info">
					<Icon name="megaphone" />
					{label("answer", idea.answer.status)}
				</span>
			)}
		</>
	);
}

export function Chips({ idea }: { idea: Idea }) {
	const chips = [...idea.themes, ...idea.nodes.map((n) => label("node", n)), ...idea.innovation.map((i) => label("innovation", i))];
	if (chips.length === 0) return null;
	return (
		<ul class="row" aria-label={t("idea.chips")}>
			{chips.map((c) => (
				<li key={c} class="tag">
					{c}
				</li>
			))}
		</ul>
	);
}

export function Answered({ idea, now }: { idea: Idea; now: number }) {
	if (!idea.answer) return null;
	return (
		<section class="note" aria-label={t("answer.title")}>
			<Icon name="megaphone" />
			<div class="stack tight">
				<h2>
					{t("answer.title")}: {label("answer", idea.answer.status)}
				</h2>
				<p class="prose">{idea.answer.reason}</p>
				<p class="small quiet">{moment(idea.answer.at, now)}</p>
			</div>
		</section>
	);
}

/** What a shortlist needs and the idea lacks, for those who can do something about it. */
export function Incomplete({ idea }: { idea: Idea }) {
	if (!idea.incomplete?.length) return null;
	return (
		<p class="note">
			<Icon name="info" />
			<span>{t("idea.incomplete", { what: listed(idea.incomplete.map((w) => label("incomplete", w))) })}</span>
		</p>
	);
}

/** The two-part definition as the author checked it. */
export function SelfCheck({ idea }: { idea: Idea }) {
	const d = idea.definition;
	if (!d || (!d.need && !d.novelty)) return null;
	return (
		<ul class="stack tight small">
			{d.need && (
				<li class="row">
					<span class="tag good">
						<Icon name="check" />
						{t("check.need.short")}
					</span>
				</li>
			)}
			{d.novelty && (
				<li class="row">
					<span class="tag good">
						<Icon name="check" />
						{t("check.novelty.short")}
					</span>
				</li>
			)}
		</ul>
	);
}
