/** One's own name, and leaving with everything one wrote. In the settings. */
import { useSignal } from "@preact/signals";
import { t } from "../i18n/index.ts";
import { call, sentenceOf } from "../lib/api.ts";
import { memo } from "../lib/memo.ts";
import type { Room } from "../store/room.ts";
import { TextField, Wrong } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Confirm } from "../ui/sheet.tsx";
import { alarm, say } from "../ui/voice.tsx";

export function Self({ room }: { room: Room }) {
	const me = room.me.value;
	const name = useSignal(me?.name ?? "");
	const wrong = useSignal("");
	const leaving = useSignal(false);
	const busy = useSignal(false);
	if (!me) return null;
	const rename = async (e: Event) => {
		e.preventDefault();
		const next = name.value.trim();
		if (!next) {
			wrong.value = t("self.name.empty");
			return alarm(wrong.value);
		}
		const o = await room.decide("participant.rename", { participant: me.id, name: next });
		wrong.value = o.ok ? "" : o.message || t("fault.offline");
		if (!o.ok) return alarm(wrong.value);
		room.renamed(next);
		say(t("self.renamed"));
	};
	const leave = async () => {
		busy.value = true;
		try {
			await call("DELETE", "/me");
			room.stop();
			await room.shelf.clear(room.id).catch(() => {});
			memo.remove(`joined.${room.id}`);
			location.assign("/");
		} catch (x) {
			busy.value = false;
			leaving.value = false;
			wrong.value = sentenceOf(x);
			alarm(wrong.value);
		}
	};
	return (
		<>
			<hr />
			<form class="stack" onSubmit={rename} noValidate>
				<TextField
					label={t("self.name")}
					hint={t("self.name.hint")}
					value={name.value}
					onValue={(v) => (name.value = v)}
					max={60}
					autocomplete="nickname"
					wrong={wrong.value}
				/>
				<div>
					<button type="submit" class="btn">
						{t("self.rename")}
					</button>
				</div>
			</form>
			<hr />
			<div class="stack tight">
				<p class="hint">{t("join.data")}</p>
				<div>
					<button type="button" class="btn danger" onClick={() => (leaving.value = true)}>
						<Icon name="log-out" />
						{t("self.leave")}
					</button>
				</div>
			</div>
			{leaving.value && (
				<Confirm
					title={t("self.leave.title")}
					yes={t("self.leave.yes")}
					danger
					busy={busy.value}
					onNo={() => (leaving.value = false)}
					onYes={() => void leave()}
				>
					<p>{t("self.leave.text")}</p>
					<Wrong text={wrong.value} />
				</Confirm>
			)}
		</>
	);
}
