/** What people say about an idea: five kinds, one level of replies. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { label, t } from "../i18n/index.ts";
import { useDraft } from "../lib/draft.ts";
import { commentKinds } from "../lib/vocabulary.ts";
import { Byline } from "../parts/idea.tsx";
import { Kind } from "../parts/kind.tsx";
import type { Comment, Idea } from "../protocol.ts";
import type { Entry } from "../store/outbox.ts";
import type { Room } from "../store/room.ts";
import { Circles, TextArea, Wrong } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Confirm } from "../ui/sheet.tsx";
import { alarm, say } from "../ui/voice.tsx";
import style from "./comments.module.css";
import { tell } from "./composer.tsx";

const COMMENT_MAX = 2000;
const ANSWER_MS = 1500;

export function Comments({ room, idea }: { room: Room; idea: Idea }) {
	const replying = useSignal("");
	const open =
		(room.board.campaign.value?.open.comments ?? false) &&
		room.can("comment.post") &&
		idea.status === "posted" &&
		(!idea.locked || room.moderator.value) &&
		!room.me.value?.muted;
	const seen = idea.comments.filter((c) => c.status !== "retracted");
	const known = new Set(idea.comments.map((c) => c.id));
	const waiting = room.outbox.entries.value.filter(
		(e) => e.type === "comment.post" && e.data.idea === idea.id && !known.has(String(e.answer?.comment)),
	);
	const top = seen.filter((c) => !c.reply_to || !seen.some((x) => x.id === c.reply_to));
	const count = seen.filter((c) => c.status === "posted").length;
	return (
		<section class="stack wide" aria-labelledby="comments">
			<h2 id="comments">{t("comments.title", { n: count })}</h2>
			{open ? (
				<CommentForm room={room} idea={idea} />
			) : (
				<p class="hint">{room.me.value?.muted ? t("comments.muted") : idea.locked ? t("comments.locked") : t("comments.closed")}</p>
			)}
			{top.length === 0 && waiting.length === 0 && <p class="quiet">{t("comments.none")}</p>}
			<ol class={style.list}>
				{waiting
					.filter((e) => !e.data.reply_to)
					.map((e) => (
						<Pending key={e.id} room={room} e={e} />
					))}
				{[...top].reverse().map((c) => {
					const replies = seen.filter((r) => r.reply_to === c.id);
					const coming = waiting.filter((e) => e.data.reply_to === c.id);
					return (
						<li key={c.id} class="card stack tight">
							<One room={room} idea={idea} comment={c} />
							{(replies.length > 0 || coming.length > 0) && (
								<ol class={style.replies} aria-label={t("comments.replies")}>
									{replies.map((r) => (
										<li key={r.id} class="stack tight">
											<One room={room} idea={idea} comment={r} />
										</li>
									))}
									{coming.map((e) => (
										<Pending key={e.id} room={room} e={e} />
									))}
								</ol>
							)}
							{open && c.status === "posted" && replying.value !== c.id && (
								<div>
									<button
										aria-label={`${t("comments.reply")}, ${c.text.slice(0, 60)}`}
										type="button"
										class="btn bare slim"
										onClick={() => (replying.value = c.id)}
									>
										<Icon name="reply" />
										{t("comments.reply")}
									</button>
								</div>
							)}
							{open && replying.value === c.id && <CommentForm room={room} idea={idea} to={c} onDone={() => (replying.value = "")} />}
						</li>
					);
				})}
			</ol>
		</section>
	);
}

function One({ room, idea, comment }: { room: Room; idea: Idea; comment: Comment }) {
	const editing = useSignal(false);
	const leaving = useSignal(false);
	const mine = comment.author?.id === room.me.value?.id;
	const gone = comment.status !== "posted" && comment.status !== "waiting";
	if (editing.value) return <CommentForm room={room} idea={idea} edit={comment} onDone={() => (editing.value = false)} />;
	return (
		<article class="stack tight">
			<div class="row">
				<Kind kind={comment.kind} />
				{comment.status === "waiting" && (
					<span class="tag warn">
						<Icon name="clock" />
						{comment.review ? t("status.review") : label("status", "waiting")}
					</span>
				)}
				{gone && <span class="tag bad">{label("status", comment.status)}</span>}
			</div>
			<p class="prose">{comment.text}</p>
			<Byline who={comment.author} at={comment.at} now={room.now()} edited={comment.edited} />
			{mine && !gone && (
				<div class="row">
					{!idea.locked && (
						<button
							aria-label={`${t("comments.edit")}, ${comment.text.slice(0, 60)}`}
							type="button"
							class="btn bare slim"
							onClick={() => (editing.value = true)}
						>
							<Icon name="pencil" />
							{t("comments.edit")}
						</button>
					)}
					<button
						aria-label={`${t("comments.retract")}, ${comment.text.slice(0, 60)}`}
						type="button"
						class="btn bare slim"
						onClick={() => (leaving.value = true)}
					>
						<Icon name="trash-2" />
						{t("comments.retract")}
					</button>
				</div>
			)}
			{leaving.value && (
				<Confirm
					title={t("comments.retract.title")}
					yes={t("comments.retract")}
					danger
					onNo={() => (leaving.value = false)}
					onYes={() => {
						leaving.value = false;
						void room.contribute("comment.retract", { comment: comment.id, reason: "" }).then((o) => tell(room, o));
					}}
				>
					<p>{t("comments.retract.text")}</p>
				</Confirm>
			)}
		</article>
	);
}

/** A comment on its way, or one that was refused. */
export function Pending({ room, e }: { room: Room; e: Entry }) {
	return (
		<li class={`card stack tight ${style.pending}`}>
			<div class="row">
				<Kind kind={String(e.data.kind)} />
				<SendState e={e} />
			</div>
			<p class="prose">{String(e.data.text)}</p>
			<Refused room={room} e={e} />
		</li>
	);
}

export function SendState({ e }: { e: Entry }) {
	if (e.state === "refused")
		return (
			<span class="tag bad">
				<Icon name="circle-alert" />
				{t("send.notposted")}
			</span>
		);
	return (
		<span class="tag warn">
			<Icon name="clock" />
			{t("send.sending")}
		</span>
	);
}

/** The reason, and what one can do about it. */
export function Refused({ room, e, onEdit }: { room: Room; e: Entry; onEdit?: () => void }) {
	if (e.state !== "refused") return null;
	const what = String(e.data.title ?? e.data.text ?? "").slice(0, 60);
	return (
		<>
			<Wrong text={e.refused?.message || t("fault.unknown")} />
			<p class="small">{t("send.textkept")}</p>
			<div class="row">
				{onEdit && (
					<button aria-label={`${t("send.edit")}, ${what}`} type="button" class="btn" onClick={onEdit}>
						{t("send.edit")}
					</button>
				)}
				<button
					aria-label={`${t("send.again")}, ${what}`}
					type="button"
					class="btn"
					onClick={() => void room.outbox.again(e.id)?.then((o) => tell(room, o))}
				>
					<Icon name="refresh-cw" />
					{t("send.again")}
				</button>
				<button aria-label={`${t("send.discard")}, ${what}`} type="button" class="btn bare" onClick={() => room.outbox.discard(e.id)}>
					{t("send.discard")}
				</button>
			</div>
		</>
	);
}

function CommentForm({ room, idea, to, edit, onDone }: { room: Room; idea: Idea; to?: Comment; edit?: Comment; onDone?: () => void }) {
	const key = `${room.id}/comment/${idea.id}/${edit ? `edit/${edit.id}` : (to?.id ?? "")}`;
	const start = useRef({ kind: edit?.kind ?? (to ? "experience" : ""), text: edit?.text ?? "" }).current;
	const { fields, drop } = useDraft(room.shelf, key, start);
	const wrong = useSignal<{ field: string; text: string } | null>(null);
	const busy = useSignal(false);
	const area = useRef<HTMLTextAreaElement>(null);
	const f = fields.value;
	const fail = (field: string, text: string) => {
		wrong.value = { field, text };
		alarm(text);
		busy.value = false;
	};
	const submit = async (e: Event) => {
		e.preventDefault();
		if (busy.value) return;
		const text = f.text.trim();
		if (!f.kind) return fail("kind", t("comments.kind.empty"));
		if (!text || text.length > COMMENT_MAX) {
			area.current?.focus();
			return fail("text", text ? t("compose.toolong", { max: COMMENT_MAX }) : t("comments.text.empty"));
		}
		wrong.value = null;
		busy.value = true;
		const sent = edit
			? room.contribute("comment.edit", { comment: edit.id, kind: f.kind, text }, { draft: key })
			: room.contribute("comment.post", { idea: idea.id, ...(to ? { reply_to: to.id } : {}), kind: f.kind, text }, { draft: key });
		const o = await Promise.race([sent, new Promise<null>((r) => setTimeout(r, ANSWER_MS, null))]);
		if (o && !o.ok) {
			for (const x of room.outbox.entries.value) if (x.state === "refused" && x.data.text === text) room.outbox.discard(x.id);
			fields.value = { ...fields.value };
			return fail("text", o.message);
		}
		drop();
		busy.value = false;
		if (o) say(t("comments.posted"));
		else {
			say(t("send.kept"));
			void sent.then((late) => tell(room, late));
		}
		onDone?.();
	};
	const open = !!(to || edit || f.kind || f.text);
	return (
		<form
			class={`card stack ${to || edit ? style.inner : ""}`}
			onSubmit={submit}
			noValidate
			aria-label={to ? t("comments.reply") : edit ? t("comments.edit") : t("comments.add")}
		>
			<Circles
				legend={to ? t("comments.reply.kind") : t("comments.kind")}
				options={commentKinds.map((value) => ({ value, label: label("kind", value) }))}
				chosen={f.kind}
				onChosen={(kind) => {
					fields.value = { ...fields.value, kind };
					wrong.value = null;
				}}
				wrong={wrong.value?.field === "kind" ? wrong.value.text : ""}
				chips
			/>
			{open && (
				<>
					<TextArea
						label={t("comments.text")}
						value={f.text}
						onValue={(text) => (fields.value = { ...fields.value, text })}
						max={COMMENT_MAX}
						rows={3}
						areaRef={area}
						wrong={wrong.value?.field === "text" ? wrong.value.text : ""}
					/>
					<div class="row">
						<button type="submit" class="btn main" aria-disabled={busy.value}>
							<Icon name="send" />
							{edit ? t("compose.save") : t("comments.submit")}
						</button>
						{(onDone || f.text || f.kind) && (
							<button
								type="button"
								class="btn bare"
								onClick={() => {
									drop();
									onDone?.();
								}}
							>
								{t("ui.cancel")}
							</button>
						)}
					</div>
				</>
			)}
		</form>
	);
}
