/** How the browser is started: Debian's Chromium, without anything that reaches out. */
export const browserOptions = {
	browserName: "chromium" as const,
	locale: "nl-BE",
	timezoneId: "Europe/Brussels",
	launchOptions: {
		executablePath: process.env.KIEM_CHROMIUM ?? "/usr/bin/chromium",
		args: [
			"--no-sandbox",
			"--disable-gpu",
			"--disable-quic",
			"--no-first-run",
			"--disable-background-networking",
			"--disable-component-update",
			"--disable-sync",
			// A name that is no secure context, as the address of a laptop in a hall is not.
			"--host-resolver-rules=MAP zaal.test 127.0.0.1",
		],
	},
};
