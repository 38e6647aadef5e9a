/** What a moderator can do with an idea or a comment, as buttons; what needs a reason asks for it first. */
import { useSignal } from "@preact/signals";
import { label, t } from "../i18n/index.ts";
import { decide } from "../parts/decide.ts";
import type { Comment, Idea } from "../protocol.ts";
import type { Room } from "../store/room.ts";
import { Circles, TextArea } from "../ui/fields.tsx";
import { Icon, type IconName } from "../ui/icons.tsx";
import { Confirm } from "../ui/sheet.tsx";
import { alarm } from "../ui/voice.tsx";

type Action = "approve" | "reject" | "hide" | "restore" | "lock" | "unlock" | "pin" | "unpin";

const icons: Record<Action, IconName> = {
	approve: "check",
	reject: "x",
	hide: "eye-off",
	restore: "undo-2",
	lock: "lock",
	unlock: "lock-open",
	pin: "pin",
	unpin: "pin-off",
};
const needsReason: readonly Action[] = ["reject", "hide"];

/** The actions that fit the state of an idea. */
export function actionsOf(i: Idea): Action[] {
	switch (i.status) {
		case "waiting":
			return ["approve", "reject"];
		case "posted":
			return [...((i.reports ?? 0) > 0 ? (["approve"] as const) : []), "hide", i.locked ? "unlock" : "lock", i.pinned ? "unpin" : "pin"];
		case "hidden":
			return ["restore"];
		case "rejected":
			return ["approve"];
		default:
			return [];
	}
}

/** brief leaves out what has no hurry: in the queue only the decision counts. */
export function IdeaActions({ room, idea, brief }: { room: Room; idea: Idea; brief?: boolean }) {
	const answering = useSignal(false);
	return (
		<>
			<Actions
				room={room}
				what={idea.title}
				actions={actionsOf(idea).filter((a) => !brief || a === "approve" || needsReason.includes(a))}
				reported={(idea.reports ?? 0) > 0}
				send={(action, reason) => decide(room, "idea.moderate", { idea: idea.id, action, reason }, t("moderate.done"))}
			/>
			{!brief && room.can("idea.answer") && idea.status === "posted" && (
				<button aria-label={`${t("answer.give")}, ${idea.title}`} type="button" class="btn" onClick={() => (answering.value = true)}>
					<Icon name="megaphone" />
					{t("answer.give")}
				</button>
			)}
			{answering.value && <Answer room={room} idea={idea} onClose={() => (answering.value = false)} />}
		</>
	);
}

export function CommentActions({ room, comment }: { room: Room; comment: Comment }) {
	const actions: Action[] =
		comment.status === "waiting"
			? ["approve", "reject"]
			: comment.status === "posted"
				? ["hide"]
				: comment.status === "hidden" || comment.status === "rejected"
					? ["restore"]
					: [];
	return (
		<Actions
			room={room}
			what={comment.text.slice(0, 60)}
			actions={actions}
			send={(action, reason) => decide(room, "comment.moderate", { comment: comment.id, action, reason }, t("moderate.done"))}
		/>
	);
}

function Actions(p: {
	room: Room;
	what: string;
	actions: Action[];
	reported?: boolean;
	send: (action: Action, reason: string) => Promise<boolean>;
}) {
	const asking = useSignal<Action | null>(null);
	const reason = useSignal("");
	const wrong = useSignal("");
	const yes = async () => {
		const action = asking.value!;
		if (action === "reject" && !reason.value.trim()) {
			wrong.value = t("moderate.reason.empty");
			alarm(wrong.value);
			return;
		}
		asking.value = null;
		if (await p.send(action, reason.value.trim())) reason.value = "";
	};
	return (
		<>
			{p.actions.map((a) => (
				<button
					aria-label={`${a === "approve" && p.reported ? t("moderate.keep") : t(`moderate.${a}`)}, ${p.what}`}
					key={a}
					type="button"
					class={`btn ${a === "approve" ? "main" : ""}`}
					onClick={() => {
						if (needsReason.includes(a)) asking.value = a;
						else void p.send(a, "");
					}}
				>
					<Icon name={icons[a]} />
					{a === "approve" && p.reported ? t("moderate.keep") : t(`moderate.${a}`)}
				</button>
			))}
			{asking.value && (
				<Confirm
					title={t(`moderate.${asking.value as "reject" | "hide"}`)}
					yes={t(`moderate.${asking.value as "reject" | "hide"}`)}
					danger
					onNo={() => (asking.value = null)}
					onYes={() => void yes()}
				>
					<p class="strong">{p.what}</p>
					<TextArea
						label={t("moderate.reason")}
						hint={t("moderate.reason.hint")}
						optional={asking.value !== "reject"}
						value={reason.value}
						onValue={(v) => {
							reason.value = v;
							wrong.value = "";
						}}
						max={500}
						rows={3}
						wrong={wrong.value}
					/>
				</Confirm>
			)}
		</>
	);
}

const answers = ["accepted", "in_progress", "done", "rejected"] as const;

function Answer({ room, idea, onClose }: { room: Room; idea: Idea; onClose: () => void }) {
	const status = useSignal<string>(idea.answer?.status ?? "accepted");
	const reason = useSignal(idea.answer?.reason ?? "");
	const wrong = useSignal("");
	const send = async () => {
		if (!reason.value.trim()) {
			wrong.value = t("answer.reason.empty");
			alarm(wrong.value);
			return;
		}
		if (await decide(room, "idea.answer", { idea: idea.id, status: status.value, reason: reason.value.trim() }, t("answer.sent")))
			onClose();
	};
	return (
		<Confirm title={t("answer.title")} yes={t("answer.send")} onNo={onClose} onYes={() => void send()}>
			<p class="strong">{idea.title}</p>
			<Circles
				legend={t("answer.status")}
				options={answers.map((value) => ({ value, label: label("answer", value) }))}
				chosen={status.value}
				onChosen={(v) => (status.value = v)}
				chips
			/>
			<TextArea
				label={t("answer.reason")}
				hint={t("answer.reason.hint")}
				value={reason.value}
				onValue={(v) => (reason.value = v)}
				max={500}
				rows={4}
				wrong={wrong.value}
			/>
		</Confirm>
	);
}
