import "../ui/base.css";
import { path } from "../ui/route.ts";
import { start } from "../ui/start.tsx";
import { Voice } from "../ui/voice.tsx";
import { Campaigns } from "./campaigns.tsx";
import { Operator } from "./operator.tsx";
import { InvitePage, SignInPage } from "./signin.tsx";

function Page() {
	const first = path.value.split("/").filter(Boolean)[0];
	return (
		<>
			<Voice />
			{first === "signin" ? <SignInPage /> : first === "invite" ? <InvitePage /> : first === "admin" ? <Operator /> : <Campaigns />}
		</>
	);
}

void start(Page);
