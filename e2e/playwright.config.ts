import { defineConfig } from "@playwright/test";
import { browserOptions } from "./browser.ts";

export default defineConfig({
	testDir: ".",
	testMatch: "*.spec.ts",
	globalSetup: "./build.ts",
	workers: 2,
	timeout: 90_000,
	expect: { timeout: 10_000 },
	reporter: [["list"]],
	use: { ...browserOptions, trace: "retain-on-failure" },
	outputDir: "/tmp/kiem-e2e",
});
