import { defineConfig } from "@playwright/test";
import { browserOptions } from "./browser.ts";

/** Pictures of every screen, for people to look at. They are not compared with anything. */
export default defineConfig({
	testDir: ".",
	testMatch: "pictures.ts",
	globalSetup: "./build.ts",
	workers: 1,
	timeout: 300_000,
	reporter: [["list"]],
	use: browserOptions,
	outputDir: "/tmp/kiem-pictures",
});
