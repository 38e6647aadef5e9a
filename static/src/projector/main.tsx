/**
 * What the room sees. It shows posted ideas only, also when the person who opened it may see more, and keeps the last picture when the
 * connection is cut.
 */
import "../ui/base.css";
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { label, number, t } from "../i18n/index.ts";
import { joinAddress, readable } from "../lib/code.ts";
import { Gate } from "../parts/gate.tsx";
import type { Campaign, Idea } from "../protocol.ts";
import { Room } from "../store/room.ts";
import { MemoryStorage, type Shelf, StorageShelf } from "../store/shelf.ts";
import { Icon } from "../ui/icons.tsx";
import { Logo } from "../ui/logo.tsx";
import { path } from "../ui/route.ts";
import { start } from "../ui/start.tsx";
import { setTheme, theme } from "../ui/theme.ts";
import { Voice } from "../ui/voice.tsx";
import { type Place, ranking } from "./ranking.ts";
import style from "./screen.module.css";

/** The order changes at most so often. */
const RESORT_MS = 2000;
/** How long a place takes to be reached. */
const GLIDE_MS = 400;
const THEME = "screen-theme";

const shelf: Shelf = new StorageShelf(new MemoryStorage());

function Page() {
	return (
		<>
			<Voice />
			<Screen id={path.value.split("/").filter(Boolean)[1] ?? ""} />
		</>
	);
}

function Screen({ id }: { id: string }) {
	const room = useMemo(() => new Room(id, shelf), [id]);
	useEffect(() => {
		void room.start();
		return () => room.stop();
	}, [room]);
	const campaign = room.board.campaign.value;
	useEffect(() => {
		if (campaign) document.title = `${campaign.title} · Kiem`;
	}, [campaign?.title]);
	if (room.phase.value !== "ready" || !campaign)
		return (
			<Gate
				room={room}
				signedOut={
					<>
						<h1>{t("console.signedout")}</h1>
						<p>{t("screen.signedout")}</p>
					</>
				}
			/>
		);
	return (
		<main id="main" class={style.screen} lang={campaign.languages.length === 1 ? campaign.languages[0] : undefined}>
			<header class={style.head}>
				<div class={style.mark}>
					<Logo />
					<span>{campaign.title}</span>
				</div>
				<h1 class={style.question}>{campaign.challenge.title || campaign.title}</h1>
			</header>
			<Top room={room} />
			<Side room={room} campaign={campaign} />
			<Stages campaign={campaign} />
			<Cut room={room} />
		</main>
	);
}

function Stages({ campaign }: { campaign: Campaign }) {
	return (
		<ol class={style.stages} aria-label={t("stage.title")}>
			{campaign.stages.map((s) => (
				<li key={s} aria-current={s === campaign.stage ? "step" : undefined}>
					{label("stage", s)}
				</li>
			))}
		</ol>
	);
}

/** The ideas with most support. */
function Top({ room }: { room: Room }) {
	const places = useSignal<Place[]>([]);
	useEffect(() => {
		const sort = () => {
			const ideas = room.board.ids.value.map((id) => room.board.known(id)).filter((i): i is Idea => i !== undefined);
			places.value = ranking(ideas, places.value);
		};
		sort();
		const timer = setInterval(sort, RESORT_MS);
		return () => clearInterval(timer);
	}, [room]);
	const list = useRef<HTMLOListElement>(null);
	const fits = useFits(list, places.value);
	useGlide(
		list,
		places.value.map((p) => p.id),
	);
	if (places.value.length === 0) return <p class={style.empty}>{t("screen.empty")}</p>;
	const most = Math.max(1, ...places.value.map((p) => p.total));
	return (
		<section class={style.top} aria-labelledby="top">
			<h2 id="top">{t("screen.top")}</h2>
			<ol ref={list}>
				{places.value.map((p, n) => (
					<li key={p.id} data-id={p.id} class={`${style.place} ${n < fits ? "" : style.over}`}>
						<span class={`figures ${style.total}`}>
							{number(p.total)}
							<span class="hidden"> {t("support.times", { n: p.total })}</span>
						</span>
						<span class={style.title}>{p.title}</span>
						<svg class={style.bar} viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
							<rect width={(100 * p.total) / most} height="4" />
						</svg>
					</li>
				))}
			</ol>
		</section>
	);
}

/** How many of the places are whole on the picture: a long title takes two lines, and half a line at the bottom is none. */
function useFits(list: { current: HTMLOListElement | null }, places: readonly Place[]): number {
	const fits = useSignal(places.length);
	useLayoutEffect(() => {
		const measure = () => {
			const ol = list.current;
			const box = ol?.parentElement;
			if (!ol || !box) return;
			const bottom = box.getBoundingClientRect().bottom + 1;
			const rows = [...ol.children];
			const first = rows.findIndex((r) => r.getBoundingClientRect().bottom > bottom);
			fits.value = first < 0 || getComputedStyle(box).overflow === "visible" ? rows.length : Math.max(1, first);
		};
		measure();
		addEventListener("resize", measure);
		void document.fonts?.ready.then(measure);
		return () => removeEventListener("resize", measure);
	}, [places]);
	return fits.value;
}

/** Lets what changed its place glide there. */
function useGlide(list: { current: HTMLOListElement | null }, order: string[]): void {
	const before = useRef(new Map<string, number>());
	useEffect(() => {
		const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
		const now = new Map<string, number>();
		for (const li of list.current?.children ?? []) {
			const id = (li as HTMLElement).dataset.id!;
			const y = (li as HTMLElement).offsetTop;
			now.set(id, y);
			const from = before.current.get(id);
			if (still) continue;
			if (from === undefined) li.animate?.([{ opacity: 0 }, { opacity: 1 }], GLIDE_MS);
			else if (from !== y)
				li.animate?.([{ transform: `translateY(${from - y}px)` }, { transform: "none" }], { duration: GLIDE_MS, easing: "ease-in-out" });
		}
		before.current = now;
	}, [order.join()]);
}

function Side({ room, campaign }: { room: Room; campaign: Campaign }) {
	const address = joinAddress(campaign)
		.replace(/^https?:\/\//, "")
		.replace(/\/j\/.*$/, "");
	return (
		<aside class={style.side} aria-label={t("screen.join")}>
			<p class={style.how}>{t("screen.join")}</p>
			<img class={style.qr} src={`/api/v1/campaigns/${campaign.id}/qr.svg`} alt={t("invite.qr")} width="320" height="320" />
			{address && <p class={style.address}>{address}</p>}
			{campaign.code && <p class={`figures ${style.code}`}>{readable(campaign.code)}</p>}
			{room.board.online.value > 0 && (
				<p class={`figures ${style.people}`}>
					<Icon name="users" />
					{t("live.online", { n: room.board.online.value })}
				</p>
			)}
			<button
				type="button"
				class={`btn bare ${style.theme}`}
				aria-pressed={theme.value === "dark"}
				onClick={() => setTheme(theme.value === "dark" ? "light" : "dark", THEME)}
			>
				<Icon name="sun-moon" />
				{t("screen.dark")}
			</button>
		</aside>
	);
}

/** A cut is told in small: the picture stays. */
function Cut({ room }: { room: Room }) {
	if (room.live.state.value === "ended")
		return <p class={style.cut}>{room.live.ended.value === 4100 ? t("live.signedout") : t("live.protocol")}</p>;
	if (!room.live.since.value) return null;
	return <p class={style.cut}>{t("live.reconnecting")}</p>;
}

void start(Page, THEME);
