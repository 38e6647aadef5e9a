/** A campaign as its participants see it: the question, the stage, and the ideas as they come. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { label, t } from "../i18n/index.ts";
import { ChallengeText } from "../parts/challenge.tsx";
import { StageStrip } from "../parts/stages.tsx";
import type { Campaign } from "../protocol.ts";
import { everything, type Listing, type Sort } from "../store/listing.ts";
import type { Entry } from "../store/outbox.ts";
import type { Room } from "../store/room.ts";
import { Select, TextField } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { follow } from "../ui/route.ts";
import { newsSpoken, say } from "../ui/voice.tsx";
import style from "./campaign.module.css";
import { IdeaCard, PendingCard } from "./card.tsx";
import { draftKey } from "./composer.tsx";

/** So many ideas are drawn at first, and with each wish for more. */
const SLICE = 50;
/** News of others is spoken at most so often. */
const NEWS_MS = 10_000;

export function Home({ room, campaign, listing, compose }: { room: Room; campaign: Campaign; listing: Listing; compose: () => void }) {
	const most = useSignal(SLICE);
	const shown = listing.shown.value;
	const top = useRef<HTMLHeadingElement>(null);
	const pending = room.outbox.entries.value.filter(
		(e) => e.type === "idea.post" && !(e.state === "done" && e.answer && room.board.known(String(e.answer.idea))),
	);
	useNews(listing);
	const showFresh = () => {
		listing.refresh();
		most.value = Math.max(most.value, SLICE);
		top.current?.focus();
		top.current?.scrollIntoView({ block: "start" });
	};
	return (
		<>
			<div class="stack">
				<div class="stack tight">
					{campaign.challenge.title && campaign.challenge.title !== campaign.title && <p class="quiet strong">{campaign.title}</p>}
					<h1 tabIndex={-1}>{campaign.challenge.title || campaign.title}</h1>
				</div>
				<ChallengeText text={campaign.challenge.text} />
				<StageStrip campaign={campaign} />
			</div>
			<section class="stack" aria-labelledby="ideas">
				<div class="row apart">
					<h2 id="ideas" tabIndex={-1} ref={top}>
						{t("list.title")} <span class="quiet figures">({shown.length})</span>
					</h2>
					<Online room={room} />
				</div>
				<Filters campaign={campaign} listing={listing} />
				<div class={style.pill}>
					{listing.fresh.value > 0 && (
						<button type="button" class="btn main" onClick={showFresh}>
							{t("list.fresh", { n: listing.fresh.value })}
						</button>
					)}
				</div>
				<ul class={style.list}>
					{pending.map((e) => (
						<PendingCard key={e.id} room={room} e={e} onEdit={() => void rewrite(room, e, compose)} />
					))}
					{shown.slice(0, most.value).map((id) => (
						<IdeaCard key={id} room={room} id={id} />
					))}
				</ul>
				{shown.length === 0 && pending.length === 0 && (
					<div class="card roomy stack">
						<p>{filtered(listing) ? t("list.nothing") : campaign.open.posting ? t("list.empty") : t("list.empty.closed")}</p>
						{filtered(listing) && (
							<button type="button" class="btn" onClick={() => listing.ask({ ...everything, sort: listing.query.value.sort })}>
								{t("list.clear")}
							</button>
						)}
					</div>
				)}
				{shown.length > most.value && (
					<button type="button" class="btn" onClick={() => (most.value += SLICE)}>
						{t("list.more", { n: Math.min(SLICE, shown.length - most.value) })}
					</button>
				)}
			</section>
		</>
	);
}

function filtered(listing: Listing): boolean {
	const q = listing.query.value;
	return !!(q.text || q.theme || q.node);
}

/** Takes a refused idea back into the form, with its text. */
export async function rewrite(room: Room, e: Entry, compose: () => void): Promise<void> {
	await room.shelf.keep(draftKey(room), e.data).catch(() => {});
	room.outbox.discard(e.id);
	compose();
}

function Online({ room }: { room: Room }) {
	const n = room.board.online.value;
	if (n < 1) return null;
	return (
		<span class="small quiet figures row">
			<span class={style.dot} aria-hidden="true" />
			{t("live.online", { n })}
		</span>
	);
}

function Filters({ campaign, listing }: { campaign: Campaign; listing: Listing }) {
	const q = listing.query.value;
	const sorts: Sort[] = ["new", "votes", "quiet"];
	const themes = campaign.challenge.themes;
	const nodes = campaign.challenge.nodes;
	const text = useSignal(q.text);
	const open = useSignal(false);
	const set = (q.theme ? 1 : 0) + (q.node ? 1 : 0) + (q.sort === "new" ? 0 : 1);
	useEffect(() => {
		const timer = setTimeout(() => text.value !== listing.query.value.text && listing.ask({ text: text.value }), 150);
		return () => clearTimeout(timer);
	}, [text.value]);
	useEffect(() => {
		text.value = q.text;
	}, [q.text]);
	return (
		<search class={style.filters}>
			<div class={style.search}>
				<TextField
					label={t("list.search")}
					hideLabel
					type="search"
					inputmode="search"
					value={text.value}
					onValue={(v) => (text.value = v)}
				/>
				<button
					type="button"
					class={`btn ${style.toggle}`}
					aria-expanded={open.value}
					aria-controls="filters"
					onClick={() => (open.value = !open.value)}
				>
					<Icon name="sliders-horizontal" />
					{t("list.filter")}
					{set > 0 && <span class="tag good">{set}</span>}
				</button>
			</div>
			<div id="filters" class={`${style.selects} ${open.value ? style.open : ""}`}>
				<Select
					label={t("list.sort")}
					value={q.sort}
					options={sorts.map((value) => ({ value, label: t(`sort.${value}`) }))}
					onValue={(v) => listing.ask({ sort: v as Sort })}
				/>
				{themes.length > 0 && (
					<Select
						label={t("list.theme")}
						value={q.theme}
						options={[{ value: "", label: t("list.all") }, ...themes.map((value) => ({ value, label: value }))]}
						onValue={(theme) => listing.ask({ theme })}
					/>
				)}
				{nodes.length > 0 && (
					<Select
						label={t("list.node")}
						value={q.node}
						options={[{ value: "", label: t("list.all") }, ...nodes.map((value) => ({ value, label: label("node", value) }))]}
						onValue={(node) => listing.ask({ node })}
					/>
				)}
			</div>
		</search>
	);
}

/** Says once in a while how many ideas of others came in. */
function useNews(listing: Listing): void {
	const told = useRef(0);
	const fresh = useComputed(() => listing.fresh.value);
	useEffect(() => {
		const timer = setInterval(() => {
			const n = fresh.value;
			if (n > told.current && newsSpoken.value) say(t("list.fresh", { n }));
			told.current = n;
		}, NEWS_MS);
		return () => clearInterval(timer);
	}, []);
}

/** What stays in reach of the thumb. */
export function Bar({
	room,
	campaign,
	compose,
	here,
}: {
	room: Room;
	campaign: Campaign;
	compose: () => void;
	here: "home" | "mine" | "idea";
}) {
	const refused = room.outbox.entries.value.filter((e) => e.state === "refused").length;
	return (
		<nav class={style.bar} aria-label={t("nav.title")}>
			<div class={style.barIn}>
				<a class="btn bare" href={`/c/${room.id}`} onClick={follow} aria-current={here === "home" ? "page" : undefined}>
					{t("nav.ideas")}
				</a>
				<a class="btn bare" href={`/c/${room.id}/mine`} onClick={follow} aria-current={here === "mine" ? "page" : undefined}>
					{t("nav.mine")}
					{refused > 0 && <span class="tag bad">{refused}</span>}
				</a>
				{campaign.open.posting && room.can("idea.post") && !room.me.value?.muted && (
					<button type="button" class={`btn main ${style.compose}`} onClick={compose}>
						<Icon name="plus" />
						{t("compose.new")}
					</button>
				)}
			</div>
		</nav>
	);
}
