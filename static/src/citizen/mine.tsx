/** What one contributed, with what became of it. */
import { label, t } from "../i18n/index.ts";
import { StatusTag } from "../parts/idea.tsx";
import { Kind } from "../parts/kind.tsx";
import type { Room } from "../store/room.ts";
import { follow } from "../ui/route.ts";
import style from "./campaign.module.css";
import { rewrite } from "./campaign.tsx";
import { IdeaCard, PendingCard } from "./card.tsx";
import { Pending } from "./comments.tsx";

export function Mine({ room, compose }: { room: Room; compose: () => void }) {
	void room.board.changes.value; // statuses and comments of one's own may have changed
	const entries = room.outbox.entries.value.filter((e) => e.state !== "done" || !e.answer);
	const posts = entries.filter((e) => e.type === "idea.post" || e.type === "idea.edit");
	const remarks = entries.filter((e) => e.type === "comment.post" || e.type === "comment.edit");
	const ids = room.board.ids.value.filter((id) => {
		const i = room.board.known(id);
		return i && i.status !== "gone" && room.isMine(i);
	});
	ids.reverse();
	const comments = room.board.ids.value.flatMap((id) => {
		const i = room.board.known(id);
		return i ? i.comments.filter((c) => c.author?.id === room.me.value?.id).map((c) => ({ c, i })) : [];
	});
	comments.sort((a, b) => Date.parse(b.c.at) - Date.parse(a.c.at));
	const nothing = ids.length + comments.length + posts.length + remarks.length === 0;
	return (
		<div class="stack wide">
			<h1 tabIndex={-1}>{t("mine.title")}</h1>
			{nothing && <p class="card roomy">{t("mine.empty")}</p>}
			{(ids.length > 0 || posts.length > 0) && (
				<section class="stack" aria-labelledby="my-ideas">
					<h2 id="my-ideas">{t("mine.ideas")}</h2>
					<ul class={style.list}>
						{posts.map((e) => (
							<PendingCard
								key={e.id}
								room={room}
								e={e}
								onEdit={e.type === "idea.post" ? () => void rewrite(room, e, compose) : undefined}
							/>
						))}
						{ids.map((id) => (
							<IdeaCard key={id} room={room} id={id} own />
						))}
					</ul>
				</section>
			)}
			{(comments.length > 0 || remarks.length > 0) && (
				<section class="stack" aria-labelledby="my-comments">
					<h2 id="my-comments">{t("mine.comments")}</h2>
					<ul class={style.list}>
						{remarks.map((e) => (
							<Pending key={e.id} room={room} e={e} />
						))}
						{comments.map(({ c, i }) => (
							<li key={c.id} class="card stack tight">
								<div class="row">
									<Kind kind={c.kind} />
									<StatusTag idea={{ ...i, status: c.status, review: c.review }} own />
								</div>
								<p class="prose">{c.text}</p>
								<p class="small">
									{t("mine.on")}{" "}
									<a href={`/c/${room.id}/idea/${i.id}`} onClick={follow}>
										{i.title || label("status", "gone")}
									</a>
								</p>
							</li>
						))}
					</ul>
				</section>
			)}
		</div>
	);
}
