"use strict";
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details.more")) folded.open = true;
});
(() => {
  const rows = [...document.querySelectorAll(".row")];
  const bar = document.getElementById("filter");
  if (!bar) return;
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const texts = new Map();
  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  };
  const apply = () => {
    const kind = bar.querySelector("input:checked").value;
    const word = search.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = row.dataset.show.split(" ").includes(kind) && (!word || textOf(row).includes(word));
      row.hidden = !fits;
      if (fits) shown += 1;
    }
    count.textContent = `${shown} of ${rows.length} cases`;
  };
  const move = (step) => {
    const open = rows.filter((row) => !row.hidden);
    const here = open.findIndex((row) => row.contains(document.activeElement));
    const next = open[here < 0 ? 0 : Math.min(Math.max(here + step, 0), open.length - 1)];
    if (next) { next.focus(); next.scrollIntoView({ block: "start" }); }
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
    if (event.key === "j") move(1);
    if (event.key === "k") move(-1);
    if (event.key === "/") { event.preventDefault(); search.focus(); }
  });
  bar.addEventListener("input", apply);
  bar.hidden = false;
  apply();
})();
