import"/static/chunk-KHJ7IZFJ.js";var e=document.documentElement.lang==="en"?import("/static/en-7TLB4G2E.js"):import("/static/nl-FCEC2JOZ.js");e.then(t=>{document.title=t.default["app.name"]});
