/** Decisions of a facilitator, with what is said and shown when one does not get through. */
import { t } from "../i18n/index.ts";
import type { Room } from "../store/room.ts";
import { alarm, say } from "../ui/voice.tsx";

/** Sends a decision. done is said when the server has it. */
export async function decide(room: Room, type: string, data: Record<string, unknown>, done: string): Promise<boolean> {
	const o = await room.decide(type, data);
	if (o.ok) {
		room.notice.value = null;
		say(done);
		return true;
	}
	const text = o.message || t("fault.offline");
	room.notice.value = { text };
	alarm(text);
	return false;
}
