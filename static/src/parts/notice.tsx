/** A refusal that has no place of its own on the screen. */
import { t } from "../i18n/index.ts";
import type { Room } from "../store/room.ts";
import { Icon } from "../ui/icons.tsx";

export function Notice({ room }: { room: Room }) {
	const n = room.notice.value;
	if (!n || n.idea) return null;
	return (
		<div class="note bad">
			<Icon name="circle-alert" />
			<div>{n.text}</div>
			<button type="button" class="btn bare slim" aria-label={t("ui.close")} onClick={() => (room.notice.value = null)}>
				<Icon name="x" />
			</button>
		</div>
	);
}
