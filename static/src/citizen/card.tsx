/** One idea in the list. It keeps its place when it is withdrawn, so that nothing moves under a finger. */
import { t } from "../i18n/index.ts";
import { SupportButtons } from "../parts/figures.tsx";
import { Byline, Chips, Marks, StatusTag } from "../parts/idea.tsx";
import type { Entry } from "../store/outbox.ts";
import { ideaOf, type Room } from "../store/room.ts";
import { Wrong } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { follow } from "../ui/route.ts";
import style from "./card.module.css";
import { Refused, SendState } from "./comments.tsx";

export function IdeaCard({ room, id, own }: { room: Room; id: string; own?: boolean }) {
	const idea = ideaOf(room, id)?.value;
	if (!idea) return null;
	if (idea.status === "gone")
		return (
			<li class={`card ${style.gone}`} tabIndex={-1}>
				<p class="quiet">{t("idea.gone")}</p>
			</li>
		);
	const count = idea.comments.filter((c) => c.status === "posted").length;
	const notice = room.notice.value?.idea === id ? room.notice.value.text : "";
	return (
		<li class={`card ${style.card}`}>
			<div class="row">
				<Marks idea={idea} />
				<StatusTag idea={idea} own={own || (room.isMine(idea) && idea.status !== "posted")} />
			</div>
			<h3 class={style.title}>
				<a href={`/c/${room.id}/idea/${id}`} onClick={follow}>
					{idea.title}
				</a>
			</h3>
			{idea.text && <p class={style.excerpt}>{idea.text}</p>}
			<Chips idea={{ ...idea, innovation: [] }} />
			<Byline who={idea.authors[0]} at={idea.posted_at} now={room.now()} />
			{own && idea.reason && <p class="note warn">{t("idea.reason", { reason: idea.reason })}</p>}
			<div class={style.foot}>
				{idea.status === "posted" ? <SupportButtons room={room} idea={idea} /> : <span />}
				<a
					hidden={idea.status !== "posted"}
					class={`btn bare slim ${style.talk}`}
					href={`/c/${room.id}/idea/${id}#comments`}
					onClick={follow}
					aria-label={t("idea.comments", { n: count, title: idea.title })}
				>
					<Icon name="message-circle" />
					<span class="figures">{count}</span>
				</a>
			</div>
			<Wrong text={notice} />
		</li>
	);
}

/** A new idea on its way, or one that was refused. */
export function PendingCard({ room, e, onEdit }: { room: Room; e: Entry; onEdit?: () => void }) {
	return (
		<li class={`card ${style.card} ${style.pending}`}>
			<div class="row">
				<SendState e={e} />
			</div>
			<h3 class={style.title}>{String(e.data.title ?? t("mine.change"))}</h3>
			{typeof e.data.text === "string" && e.data.text && <p class={style.excerpt}>{e.data.text}</p>}
			<Refused room={room} e={e} onEdit={onEdit} />
		</li>
	);
}
