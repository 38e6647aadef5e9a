/** What a page of a campaign shows while there is no campaign to show. */
import type { ComponentChildren } from "preact";
import { t } from "../i18n/index.ts";
import type { Room } from "../store/room.ts";
import { Top } from "../ui/top.tsx";

export function Gate({ room, signedOut, notFound }: { room: Room; signedOut: ComponentChildren; notFound?: ComponentChildren }) {
	const phase = room.phase.value;
	return (
		<>
			<Top title="" />
			<main id="main" class="gate stack">
				{phase === "loading" && <p role="status">{t("ui.loading")}</p>}
				{phase === "signed-out" && signedOut}
				{phase === "not-found" && (
					<>
						<h1>{t("gate.notfound")}</h1>
						<p>{t("gate.notfound.text")}</p>
						{notFound ?? (
							<p>
								<a href="/">{t("gate.home")}</a>
							</p>
						)}
					</>
				)}
				{phase === "failed" && (
					<>
						<h1>{t("gate.failed")}</h1>
						<p>{room.failure.value || t("fault.offline")}</p>
						<p class="quiet" role="status">
							{t("gate.trying")}
						</p>
					</>
				)}
			</main>
		</>
	);
}
