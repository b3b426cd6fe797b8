"use strict";
/* Unpacks plotly.js, which the page carries compressed, and draws with it. What is asked for before it is there waits. */
window.drawing = (() => {
  const waiting = new Map(), library = document.getElementById("library").textContent;
  const unpack = async text => {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  const able = "DecompressionStream" in window;
  const refuse = box => {
    box.textContent = "This browser is too old to draw the chart: that needs Chrome 123, Firefox 120, Safari 17.5 or later. The tables need none.";
  };
  /* Plotly has a button that sends a chart to its makers. Our pages do not. */
  const closed = { displaylogo: false, responsive: true, showSendToCloud: false, plotlyServerURL: "" };
  const picture = (box, traces, layout, config) => {
    const done = window.Plotly.react(box, traces, layout, { ...config, ...closed });
    box.dispatchEvent(new Event("drawn"));
    return done;
  };
  const draw = (box, ...parts) => {
    if (window.Plotly) picture(box, ...parts);
    else if (able) waiting.set(box, parts);
    else refuse(box);
  };
  /* The policy of the page names this source by its hash, as it names the other scripts. */
  const load = async () => {
    const script = document.createElement("script");
    script.textContent = await unpack(library);
    document.getElementById("library").remove();
    document.head.append(script);
    for (const [box, parts] of waiting) picture(box, ...parts);
    waiting.clear();
  };
  if (able) load();

  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  return {
    draw, unpack, able, library,
    /* Plotly reads a little HTML and %{names} in every text it draws; ours are texts. */
    plain: text => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/%\{/g, "&#37;{"),
    colour: name => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; },
  };
})();
