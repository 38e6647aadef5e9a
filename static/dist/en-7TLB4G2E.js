var a={"app.name":"Kiem","app.noscript":"Kiem shows the ideas of a campaign as they come in. Your browser needs JavaScript for that: switch it on and load the page again."};export{a as default};
