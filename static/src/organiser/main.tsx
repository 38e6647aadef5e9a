import "../ui/base.css";

const language = document.documentElement.lang === "en" ? import("../i18n/en.json") : import("../i18n/nl.json");
language.then((sentences) => {
	document.title = sentences.default["app.name"];
});
