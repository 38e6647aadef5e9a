/** What waits for a moderator: new ideas and comments, changes, and what was reported. */
import { t } from "../i18n/index.ts";
import { Byline, Chips, StatusTag } from "../parts/idea.tsx";
import { Kind } from "../parts/kind.tsx";
import type { Comment, Idea } from "../protocol.ts";
import type { Room } from "../store/room.ts";
import { Icon } from "../ui/icons.tsx";
import style from "./console.module.css";
import { CommentActions, IdeaActions } from "./moderate.tsx";

export interface Queue {
	waiting: { idea: Idea; comment?: Comment }[];
	reported: Idea[];
}

/** Reads the queue from the board, oldest first. */
export function queueOf(room: Room): Queue {
	void room.board.changes.value;
	const q: Queue = { waiting: [], reported: [] };
	for (const id of room.board.ids.value) {
		const idea = room.board.known(id);
		if (!idea || idea.status === "gone") continue;
		if (idea.status === "waiting") q.waiting.push({ idea });
		else if ((idea.reports ?? 0) > 0) q.reported.push(idea);
		for (const comment of idea.comments) if (comment.status === "waiting") q.waiting.push({ idea, comment });
	}
	const since = (x: { idea: Idea; comment?: Comment }) => x.comment?.at ?? x.idea.edited_at ?? x.idea.posted_at;
	q.waiting.sort((a, b) => Date.parse(since(a)) - Date.parse(since(b)));
	q.reported.sort((a, b) => (b.reports ?? 0) - (a.reports ?? 0));
	return q;
}

export function QueuePanel({ room, queue }: { room: Room; queue: Queue }) {
	return (
		<div class={style.columns}>
			<section class="stack" aria-labelledby="waiting">
				<h2 id="waiting">{t("queue.waiting", { n: queue.waiting.length })}</h2>
				{queue.waiting.length === 0 && <p class="quiet">{t("queue.empty")}</p>}
				<ul class="stack">
					{queue.waiting.map(({ idea, comment }) => (
						<li key={comment?.id ?? idea.id} class="card stack tight">
							{comment ? (
								<>
									<div class="row">
										<Kind kind={comment.kind} />
										<span class="small quiet">{t("queue.comment", { title: idea.title })}</span>
									</div>
									<p class="prose">{comment.text}</p>
									<Byline who={comment.author} at={comment.at} now={room.now()} />
									<div class="row">
										<CommentActions room={room} comment={comment} />
									</div>
								</>
							) : (
								<Content room={room} idea={idea} />
							)}
						</li>
					))}
				</ul>
			</section>
			<section class="stack" aria-labelledby="reported">
				<h2 id="reported">{t("queue.reported", { n: queue.reported.length })}</h2>
				{queue.reported.length === 0 && <p class="quiet">{t("queue.noreports")}</p>}
				<ul class="stack">
					{queue.reported.map((idea) => (
						<li key={idea.id} class="card stack tight">
							<p>
								<span class="tag bad">
									<Icon name="flag" />
									{t("queue.reports", { n: idea.reports ?? 0 })}
								</span>
							</p>
							<Content room={room} idea={idea} />
						</li>
					))}
				</ul>
			</section>
		</div>
	);
}

function Content({ room, idea }: { room: Room; idea: Idea }) {
	return (
		<>
			<div class="row">{idea.review && <StatusTag idea={idea} />}</div>
			<h3>{idea.title}</h3>
			{idea.text && <p class="prose">{idea.text}</p>}
			{idea.need && (
				<p class="prose">
					<strong>{t("idea.need")}:</strong> {idea.need}
				</p>
			)}
			<Chips idea={idea} />
			<Byline who={idea.authors[0]} at={idea.posted_at} now={room.now()} />
			<div class="row">
				<IdeaActions room={room} idea={idea} brief />
			</div>
		</>
	);
}
