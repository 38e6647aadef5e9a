/** All ideas, whatever their status, with what a moderator can do with each. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { label, number, t } from "../i18n/index.ts";
import { ByGroup } from "../parts/figures.tsx";
import { Answered, Byline, Chips, Incomplete, Marks, StatusTag } from "../parts/idea.tsx";
import { Kind } from "../parts/kind.tsx";
import type { Campaign } from "../protocol.ts";
import { everything, Listing, type Sort } from "../store/listing.ts";
import { ideaOf, type Room } from "../store/room.ts";
import { Select, TextField } from "../ui/fields.tsx";
import style from "./console.module.css";
import { CommentActions, IdeaActions } from "./moderate.tsx";

const SLICE = 50;
const statuses = ["posted", "waiting", "hidden", "rejected", "retracted"] as const;

export function IdeasPanel({ room, campaign }: { room: Room; campaign: Campaign }) {
	const status = useSignal("");
	const most = useSignal(SLICE);
	const listing = useMemo(() => new Listing(room, (i) => i.status !== "gone" && (!status.peek() || i.status === status.peek())), [room]);
	useEffect(() => listing.stop, [listing]);
	const q = listing.query.value;
	const shown = listing.shown.value;
	return (
		<section class={`stack ${style.narrow}`} aria-label={t("list.title")}>
			<search class={style.search}>
				<TextField label={t("list.search")} type="search" value={q.text} onValue={(text) => listing.ask({ text })} />
				<Select
					label={t("list.sort")}
					value={q.sort}
					options={(["new", "votes", "quiet"] as const).map((value) => ({ value, label: t(`sort.${value}`) }))}
					onValue={(v) => listing.ask({ sort: v as Sort })}
				/>
				<Select
					label={t("list.status")}
					value={status.value}
					options={[{ value: "", label: t("list.all") }, ...statuses.map((value) => ({ value, label: label("status", value) }))]}
					onValue={(v) => {
						status.value = v;
						listing.refresh();
					}}
				/>
			</search>
			{listing.fresh.value > 0 && (
				<div>
					<button type="button" class="btn main" onClick={() => listing.refresh()}>
						{t("list.fresh", { n: listing.fresh.value })}
					</button>
				</div>
			)}
			{shown.length === 0 && (
				<div class="row">
					<p>{t("list.nothing")}</p>
					<button
						type="button"
						class="btn"
						onClick={() => {
							status.value = "";
							listing.ask(everything);
						}}
					>
						{t("list.clear")}
					</button>
				</div>
			)}
			<ul class="stack tight">
				{shown.slice(0, most.value).map((id) => (
					<Row key={id} room={room} campaign={campaign} id={id} />
				))}
			</ul>
			{shown.length > most.value && (
				<button type="button" class="btn" onClick={() => (most.value += SLICE)}>
					{t("list.more", { n: Math.min(SLICE, shown.length - most.value) })}
				</button>
			)}
		</section>
	);
}

function Row({ room, campaign, id }: { room: Room; campaign: Campaign; id: string }) {
	const open = useSignal(false);
	const idea = ideaOf(room, id)?.value;
	if (!idea) return null;
	if (idea.status === "gone") return <li class="card quiet">{t("idea.gone")}</li>;
	return (
		<li class="card">
			<details class={style.row} onToggle={(e) => (open.value = e.currentTarget.open)}>
				<summary>
					<span class={style.rowHead}>
						<span class={`figures ${style.votes}`}>
							{number(idea.support.total)}
							<span class="hidden"> {t("support.times", { n: idea.support.total })}</span>
						</span>
						<span class={style.rowTitle}>
							<span class="strong">{idea.title}</span>
							<span class="row">
								<StatusTag idea={idea} />
								<Marks idea={idea} />
								<span class="small quiet">{t("comments.title", { n: idea.comments.length })}</span>
							</span>
						</span>
					</span>
				</summary>
				{open.value && (
					<div class="stack">
						<Byline who={idea.authors[0]} at={idea.posted_at} now={room.now()} edited={idea.version > 1} />
						{idea.reason && <p class="note warn">{t("idea.reason", { reason: idea.reason })}</p>}
						{idea.text && <p class="prose">{idea.text}</p>}
						{idea.need && (
							<p class="prose">
								<strong>{t("idea.need")}:</strong> {idea.need}
							</p>
						)}
						<Chips idea={idea} />
						{idea.status === "posted" && <Incomplete idea={idea} />}
						<Answered idea={idea} now={room.now()} />
						<div class="row">
							<IdeaActions room={room} idea={idea} />
						</div>
						<ByGroup idea={idea} groups={campaign.groups} />
						{idea.comments.length > 0 && (
							<ul class="stack tight" aria-label={t("comments.title", { n: idea.comments.length })}>
								{idea.comments.map((c) => (
									<li key={c.id} class={`stack tight ${style.comment}`}>
										<div class="row">
											<Kind kind={c.kind} />
											{c.status !== "posted" && <span class="tag warn">{label("status", c.status)}</span>}
										</div>
										<p class="prose">{c.text}</p>
										<Byline who={c.author} at={c.at} now={room.now()} edited={c.edited} />
										<div class="row">
											<CommentActions room={room} comment={c} />
										</div>
									</li>
								))}
							</ul>
						)}
					</div>
				)}
			</details>
		</li>
	);
}
