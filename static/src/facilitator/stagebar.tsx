/** The stage, with the one before and the one after. */
import { label, t } from "../i18n/index.ts";
import { decide } from "../parts/decide.ts";
import { StageStrip } from "../parts/stages.tsx";
import type { Campaign } from "../protocol.ts";
import type { Room } from "../store/room.ts";
import { Icon } from "../ui/icons.tsx";
import style from "./console.module.css";

export function StageBar({ room, campaign }: { room: Room; campaign: Campaign }) {
	const at = campaign.stages.indexOf(campaign.stage);
	const before = campaign.stages[at - 1];
	const after = campaign.stages[at + 1];
	const to = (stage: string) => void decide(room, "stage.set", { stage }, t("stage.changed", { stage: label("stage", stage) }));
	return (
		<section class={`card ${style.stages}`} aria-label={t("stage.title")}>
			<button type="button" class="btn" disabled={!before} onClick={() => before && to(before)}>
				<Icon name="chevron-left" />
				<span>
					{t("stage.previous")}
					{before && <span class={style.aim}>: {label("stage", before)}</span>}
				</span>
			</button>
			<div class={style.strip}>
				<StageStrip campaign={campaign} />
			</div>
			<button type="button" class="btn main" disabled={!after} onClick={() => after && to(after)}>
				<span>
					{t("stage.next")}
					{after && <span class={style.aim}>: {label("stage", after)}</span>}
				</span>
				<Icon name="chevron-right" />
			</button>
		</section>
	);
}
