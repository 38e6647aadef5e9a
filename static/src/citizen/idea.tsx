/** One idea: what it says, who supports it, what people say about it. */
import { useSignal } from "@preact/signals";
import { label, t } from "../i18n/index.ts";
import { ByGroup, SupportButtons } from "../parts/figures.tsx";
import { Answered, Byline, Chips, Incomplete, Marks, SelfCheck, StatusTag } from "../parts/idea.tsx";
import type { Campaign } from "../protocol.ts";
import { ideaOf, type Room } from "../store/room.ts";
import { TextArea, Wrong } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { follow } from "../ui/route.ts";
import { Confirm } from "../ui/sheet.tsx";
import { say } from "../ui/voice.tsx";
import { Comments } from "./comments.tsx";
import { Composer, tell } from "./composer.tsx";

export function IdeaPage({ room, campaign, id }: { room: Room; campaign: Campaign; id: string }) {
	const asking = useSignal<"" | "edit" | "retract" | "report">("");
	const reason = useSignal("");
	const idea = ideaOf(room, id)?.value;
	const back = (
		<p>
			<a class="btn bare slim flush" href={`/c/${room.id}`} onClick={follow}>
				<Icon name="arrow-left" />
				{t("idea.back")}
			</a>
		</p>
	);
	if (!idea || idea.status === "gone")
		return (
			<div class="stack">
				{back}
				<h1 tabIndex={-1}>{t("idea.missing")}</h1>
				<p>{idea ? t("idea.gone") : t("idea.missing.text")}</p>
			</div>
		);
	const mine = room.isMine(idea);
	const alive = idea.status === "posted" || idea.status === "waiting";
	const editable = mine && alive && campaign.open.editing && !idea.locked && room.can("idea.edit");
	const pendingEdit = room.outbox.entries.value.find((e) => e.type === "idea.edit" && e.data.idea === id);
	const notice = room.notice.value?.idea === id ? room.notice.value.text : "";
	return (
		<>
			<article class="stack" lang={campaign.languages.length === 1 ? campaign.languages[0] : undefined}>
				{back}
				<div class="row">
					<Marks idea={idea} />
					<StatusTag idea={idea} own={mine} />
					{pendingEdit && <span class="tag warn">{pendingEdit.state === "refused" ? t("send.notposted") : t("send.sending")}</span>}
				</div>
				<h1 tabIndex={-1}>{idea.title}</h1>
				<Byline who={idea.authors[0]} at={idea.posted_at} now={room.now()} edited={idea.version > 1} />
				{mine && idea.reason && <p class="note warn">{t("idea.reason", { reason: idea.reason })}</p>}
				{editable && <Incomplete idea={idea} />}
				{idea.text && <p class="prose">{idea.text}</p>}
				{idea.need && (
					<section class="stack tight" aria-labelledby="need">
						<h2 id="need">{t("idea.need")}</h2>
						<p class="prose">{idea.need}</p>
					</section>
				)}
				<Chips idea={idea} />
				<SelfCheck idea={idea} />
			</article>
			<Answered idea={idea} now={room.now()} />
			<section class="card roomy stack" aria-labelledby="support">
				<h2 id="support">{t("support.title")}</h2>
				<SupportButtons room={room} idea={idea} large />
				<Wrong text={notice} />
				{!campaign.open.support && <p class="hint">{t("support.closed", { stage: label("stage", campaign.stage) })}</p>}
				<ByGroup idea={idea} groups={campaign.groups} />
				<p class="hint">{campaign.settings.small_cell > 0 ? t("support.folded", { n: campaign.settings.small_cell }) : ""}</p>
			</section>
			{(editable || (mine && idea.status !== "retracted") || (!mine && room.can("idea.report") && idea.status === "posted")) && (
				<div class="row">
					{editable && (
						<button type="button" class="btn" onClick={() => (asking.value = "edit")}>
							<Icon name="pencil" />
							{t("idea.edit")}
						</button>
					)}
					{mine && idea.status !== "retracted" && (
						<button type="button" class="btn" onClick={() => (asking.value = "retract")}>
							<Icon name="trash-2" />
							{t("idea.retract")}
						</button>
					)}
					{!mine && room.can("idea.report") && idea.status === "posted" && (
						<button type="button" class="btn bare" onClick={() => (asking.value = "report")}>
							<Icon name="flag" />
							{t("idea.report")}
						</button>
					)}
				</div>
			)}
			<Comments room={room} idea={idea} />
			{asking.value === "edit" && <Composer room={room} campaign={campaign} idea={idea} onClose={() => (asking.value = "")} />}
			{asking.value === "retract" && (
				<Confirm
					title={t("idea.retract.title")}
					yes={t("idea.retract")}
					danger
					onNo={() => (asking.value = "")}
					onYes={() => {
						asking.value = "";
						void room.contribute("idea.retract", { idea: id, reason: "" }).then((o) => tell(room, o));
					}}
				>
					<p>{t("idea.retract.text")}</p>
				</Confirm>
			)}
			{asking.value === "report" && (
				<Confirm
					title={t("idea.report.title")}
					yes={t("idea.report.send")}
					onNo={() => (asking.value = "")}
					onYes={() => {
						asking.value = "";
						const why = reason.value;
						reason.value = "";
						void room.contribute("idea.report", { idea: id, reason: why }).then((o) => (o.ok ? say(t("idea.report.done")) : tell(room, o)));
					}}
				>
					<p>{t("idea.report.text")}</p>
					<TextArea label={t("idea.report.reason")} optional value={reason.value} onValue={(v) => (reason.value = v)} max={500} rows={2} />
				</Confirm>
			)}
		</>
	);
}
