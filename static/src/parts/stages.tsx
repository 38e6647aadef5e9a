/** The stages of a campaign in order, with the one it is in. */
import { label, t } from "../i18n/index.ts";
import type { Campaign, Open } from "../protocol.ts";
import style from "./stages.module.css";

export function StageStrip({ campaign }: { campaign: Campaign }) {
	const now = campaign.stages.indexOf(campaign.stage);
	return (
		<div class="stack tight">
			<ol class={style.strip} aria-label={t("stage.title")}>
				{campaign.stages.map((s, n) => (
					<li
						key={s}
						class={`${style.stage} ${n < now ? style.past : n === now ? style.now : ""}`}
						aria-current={n === now ? "step" : undefined}
					>
						<span class={style.bar} aria-hidden="true" />
						<span>{label("stage", s)}</span>
					</li>
				))}
			</ol>
			<p class="small">
				<strong>{t("stage.now", { stage: label("stage", campaign.stage) })}</strong> {openText(campaign.stage, campaign.open)}
			</p>
		</div>
	);
}

/** What one can do now, as a sentence. */
export function openText(stage: string, open: Open): string {
	if (stage === "draft") return t("open.draft");
	if (open.posting) return t("open.posting");
	if (open.editing) return t("open.editing");
	if (open.support) return t("open.support");
	if (open.comments) return t("open.comments");
	return t("open.nothing");
}
