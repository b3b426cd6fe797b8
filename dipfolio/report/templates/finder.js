"use strict";
/* The box that finds runs by words of their names: the others leave the tables and the legend. */
(() => {
  const bar = document.getElementById("finder");
  if (!bar) return;
  const box = document.getElementById("find"), found = document.getElementById("found"), columns = document.createElement("style");
  const chips = [...document.querySelectorAll("[data-line][data-run]")], matrix = document.getElementById("correlations");
  const names = new Map(chips.map(chip => [chip.dataset.run, chip.textContent.trim().toLowerCase()]));
  document.head.append(columns);
  const find = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const away = new Set([...names].filter(([, name]) => !words.every(word => name.includes(word))).map(([run]) => run));
    for (const item of document.querySelectorAll("[data-run]")) item.hidden = away.has(item.dataset.run);
    columns.textContent = matrix ? [...away].map(run => `#correlations tr>:nth-child(${Number(run) + 2}){display:none}`).join("") : "";
    const left = names.size - away.size;
    found.textContent = words.length ? `${left} of ${names.size} runs in the tables` : `${names.size} runs in the tables`;
  };
  bar.hidden = false;
  box.addEventListener("input", find);
  find();
})();
