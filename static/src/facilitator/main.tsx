import "../ui/base.css";
import { useEffect, useMemo } from "preact/hooks";
import { t } from "../i18n/index.ts";
import { bodyOf, CampaignForm, fieldsOf } from "../parts/campaignform.tsx";
import { ExportForm } from "../parts/export.tsx";
import { Gate } from "../parts/gate.tsx";
import { Notice } from "../parts/notice.tsx";
import type { Campaign } from "../protocol.ts";
import { Room } from "../store/room.ts";
import { openShelf, type Shelf } from "../store/shelf.ts";
import { Icon } from "../ui/icons.tsx";
import { path } from "../ui/route.ts";
import { start } from "../ui/start.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { Top } from "../ui/top.tsx";
import { say, Voice } from "../ui/voice.tsx";
import style from "./console.module.css";
import { IdeasPanel } from "./ideas.tsx";
import { InvitePanel } from "./invite.tsx";
import { PeoplePanel } from "./people.tsx";
import { QueuePanel, queueOf } from "./queue.tsx";
import { StageBar } from "./stagebar.tsx";

let shelf: Shelf;

function Page() {
	return (
		<>
			<Voice />
			<Console id={path.value.split("/").filter(Boolean)[1] ?? ""} />
		</>
	);
}

function Console({ id }: { id: string }) {
	const room = useMemo(() => new Room(id, shelf), [id]);
	useEffect(() => {
		void room.start();
		return () => room.stop();
	}, [room]);
	const campaign = room.board.campaign.value;
	useEffect(() => {
		if (campaign) document.title = `${t("console.title")} · ${campaign.title} · Kiem`;
	}, [campaign?.title]);
	if (room.phase.value !== "ready" || !campaign)
		return (
			<Gate
				room={room}
				signedOut={
					<>
						<h1>{t("console.signedout")}</h1>
						<p>{t("console.signedout.text")}</p>
						<p>
							<a href="/organise">{t("console.tosignin")}</a>
						</p>
					</>
				}
			/>
		);
	if (room.me.value && !room.moderator.value)
		return (
			<>
				<Top title={campaign.title} home={`/c/${id}`} room={room} />
				<main id="main" class="gate stack">
					<h1>{t("console.forbidden")}</h1>
					<p>{t("console.forbidden.text")}</p>
					<p>
						<a href={`/c/${id}`}>{t("console.tocampaign")}</a>
					</p>
				</main>
			</>
		);
	const queue = queueOf(room);
	const tabs = [
		{
			id: "queue",
			label: t("console.queue"),
			count: queue.waiting.length + queue.reported.length,
			panel: () => <QueuePanel room={room} queue={queue} />,
		},
		{ id: "ideas", label: t("list.title"), panel: () => <IdeasPanel room={room} campaign={campaign} /> },
		{ id: "people", label: t("people.title"), panel: () => <PeoplePanel room={room} /> },
		{ id: "invite", label: t("invite.title"), panel: () => <InvitePanel campaign={campaign} /> },
		{ id: "campaign", label: t("console.campaign"), panel: () => <CampaignPanel room={room} campaign={campaign} /> },
	];
	return (
		<>
			<Top title={campaign.title} home="/organise" room={room} />
			<main id="main" class={style.page} tabIndex={-1}>
				<div class="row apart">
					<h1 tabIndex={-1}>{t("console.title")}</h1>
					<div class={`row ${style.ways}`}>
						<span class="figures quiet row">
							<Icon name="users" />
							{t("live.online", { n: room.board.online.value })}
						</span>
						<a class="btn" href={`/c/${id}`}>
							<Icon name="user" />
							{t("console.citizen")}
						</a>
						<a class="btn" href={`/c/${id}/screen`} target="_blank" rel="noreferrer">
							<Icon name="monitor" />
							{t("console.screen")}
						</a>
					</div>
				</div>
				<Notice room={room} />
				<StageBar room={room} campaign={campaign} />
				<Tabs tabs={tabs} label={t("console.parts")} />
			</main>
		</>
	);
}

function CampaignPanel({ room, campaign }: { room: Room; campaign: Campaign }) {
	return (
		<div class={style.columns}>
			<section class="stack" aria-labelledby="edit">
				<h2 id="edit">{t("console.edit")}</h2>
				{room.can("campaign.edit") ? (
					<div class="card roomy">
						<CampaignForm
							key={campaign.id}
							start={fieldsOf(campaign)}
							submit={t("compose.save")}
							send={async (f) => {
								const o = await room.decide("campaign.edit", bodyOf(f));
								if (!o.ok) return { field: o.field, text: o.message || t("fault.offline") };
								say(t("console.saved"));
								return null;
							}}
						/>
					</div>
				) : (
					<p>{t("console.edit.organiser")}</p>
				)}
			</section>
			<section class="stack" aria-labelledby="export">
				<h2 id="export">{t("export.title")}</h2>
				<div class="card roomy stack">
					<p>{t("export.text")}</p>
					<ExportForm campaign={campaign.id} name={campaign.code ?? campaign.id} organiser={room.me.value?.role === "organiser"} />
				</div>
			</section>
		</div>
	);
}

void openShelf().then((s) => {
	shelf = s;
	return start(Page);
});
