import "../ui/base.css";
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { label, t } from "../i18n/index.ts";
import { readable } from "../lib/code.ts";
import { memo } from "../lib/memo.ts";
import { Gate } from "../parts/gate.tsx";
import { Notice } from "../parts/notice.tsx";
import { Listing } from "../store/listing.ts";
import { Room } from "../store/room.ts";
import { openShelf, type Shelf } from "../store/shelf.ts";
import { path } from "../ui/route.ts";
import { start } from "../ui/start.tsx";
import { Top } from "../ui/top.tsx";
import { alarm, Voice } from "../ui/voice.tsx";
import style from "./campaign.module.css";
import { Bar, Home } from "./campaign.tsx";
import { Composer } from "./composer.tsx";
import { IdeaPage } from "./idea.tsx";
import { CodeForm, CodePage, JoinPage } from "./join.tsx";
import { Mine } from "./mine.tsx";
import { Self } from "./self.tsx";

let shelf: Shelf;

function Page() {
	const parts = path.value.split("/").filter(Boolean);
	return (
		<>
			<Voice />
			{parts[0] === "c" && parts[1] ? (
				<CampaignPage key={parts[1]} id={parts[1]} view={parts[2] ?? ""} item={parts[3] ?? ""} />
			) : parts[0] === "j" && parts[1] ? (
				<JoinPage key={parts[1]} code={decodeURIComponent(parts[1])} />
			) : (
				<CodePage />
			)}
		</>
	);
}

function CampaignPage({ id, view, item }: { id: string; view: string; item: string }) {
	const room = useMemo(() => new Room(id, shelf), [id]);
	const listing = useMemo(() => new Listing(room), [room]);
	const composing = useSignal(false);
	const main = useRef<HTMLElement>(null);
	const first = useRef(true);
	const stage = useRef("");
	useEffect(() => {
		void room.start();
		return () => {
			listing.stop();
			room.stop();
		};
	}, [room]);
	const campaign = room.board.campaign.value;
	const ready = room.phase.value === "ready" && campaign;
	const heading = view === "idea" ? (room.board.known(item)?.title ?? "") : view === "mine" ? t("mine.title") : "";
	useEffect(() => {
		if (!ready) return;
		document.title = [heading, campaign.title, "Kiem"].filter(Boolean).join(" · ");
	}, [ready, heading, campaign?.title]);
	useEffect(() => {
		if (!ready) return;
		if (first.current) {
			first.current = false;
			return;
		}
		const target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
		if (target) target.scrollIntoView();
		main.current?.querySelector<HTMLElement>("h1")?.focus({ preventScroll: !!target });
	}, [!!ready, view, item]);
	useEffect(() => {
		if (!campaign) return;
		if (stage.current && stage.current !== campaign.stage) alarm(t("stage.changed", { stage: label("stage", campaign.stage) }));
		stage.current = campaign.stage;
	}, [campaign?.stage]);
	if (!ready) {
		return (
			<Gate
				room={room}
				notFound={<CodeForm start={readable(memo.get(`code.${id}`) ?? "")} />}
				signedOut={
					<>
						<h1>{t("gate.signedout")}</h1>
						<CodeForm start={readable(memo.get(`code.${id}`) ?? "")} why={t("gate.signedout.text")} />
					</>
				}
			/>
		);
	}
	const compose = () => (composing.value = true);
	return (
		<>
			<Top title={campaign.title} home={`/c/${id}`} room={room} settings={() => <Self room={room} />}>
				{room.moderator.value && (
					<a class="btn" href={`/c/${id}/console`}>
						{t("nav.console")}
					</a>
				)}
			</Top>
			<main id="main" class={style.page} ref={main} tabIndex={-1}>
				<Notice room={room} />
				{room.live.ended.value === 4100 && (
					<CodeForm start={readable(campaign.code ?? memo.get(`code.${id}`) ?? "")} why={t("gate.signedout.text")} />
				)}
				{view === "idea" ? (
					<IdeaPage key={item} room={room} campaign={campaign} id={item} />
				) : view === "mine" ? (
					<Mine room={room} compose={compose} />
				) : (
					<Home room={room} campaign={campaign} listing={listing} compose={compose} />
				)}
			</main>
			<Bar room={room} campaign={campaign} compose={compose} here={view === "idea" ? "idea" : view === "mine" ? "mine" : "home"} />
			{composing.value && <Composer room={room} campaign={campaign} onClose={() => (composing.value = false)} />}
		</>
	);
}

void openShelf().then((s) => {
	shelf = s;
	return start(Page);
});
