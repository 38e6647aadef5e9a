import"/static/chunk-KHJ7IZFJ.js";var e=document.documentElement.lang==="en"?import("/static/en-FZURB3P4.js"):import("/static/nl-KNVUP4JY.js");e.then(t=>{document.title=t.default["app.name"]});
