// The filter of a table: all rows or those of a name; of the start page a few providers at first.
(() => {
  const form = document.querySelector(".hc-filter");
  if (!form) return;
  const rows = [...document.querySelectorAll("tr[data-names]")];
  const [name] = form.elements;
  const { all } = form.elements;
  const shown = form.querySelector("output");
  const apply = () => {
    const words = name.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      row.hidden = words.length
        ? !words.every((word) => row.dataset.names.toLowerCase().includes(word))
        : all && !all.checked && !("main" in row.dataset);
    }
    shown.value = `${rows.filter((row) => !row.hidden).length} / ${rows.length}`;
    const query = new URLSearchParams();
    if (name.value) query.set(name.name, name.value);
    if (all?.checked) query.set("all", "");
    history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
  };
  const asked = new URLSearchParams(location.search);
  name.value = asked.get(name.name) ?? "";
  if (all) all.checked = asked.has("all");
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
})();

// A cell of the start page opens in place; its address keeps it open, and the browser's Back closes it.
(() => {
  const panel = document.querySelector(".hc-panel");
  if (!panel?.showModal) return;
  const body = panel.querySelector("div");
  const asked = () => decodeURIComponent(location.hash.slice(1));
  const show = () => {
    const cell = asked();
    const found = document.querySelector(`template[data-cell="${CSS.escape(cell)}"]`);
    if (!found) return panel.close();
    body.replaceChildren(found.content.cloneNode(true));
    panel.setAttribute("aria-labelledby", `${cell}.title`);
    if (!panel.open) panel.showModal();
    panel.scrollTop = 0;
  };
  document.querySelector(".hc-start").addEventListener("click", (event) => {
    const cell = event.target.closest("a.hc-cell");
    if (!cell || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    history.pushState({ cell: true }, "", `#${cell.id}`);
    show();
  });
  panel.addEventListener("close", () => {
    const cell = asked();
    if (!document.querySelector(`template[data-cell="${CSS.escape(cell)}"]`)) return;
    if (history.state?.cell) history.back();
    else history.replaceState(null, "", `${location.pathname}${location.search}`);
    document.getElementById(cell)?.focus();
  });
  panel.addEventListener("click", (event) => {
    if (event.target === panel || event.target.closest(".hc-close")) panel.close();
  });
  addEventListener("popstate", show);
  addEventListener("hashchange", show);
  show();
})();

// A link to a rule on a provider's page opens what is folded there.
(() => {
  const open = () => {
    const heading = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (heading?.tagName === "H3") heading.nextElementSibling?.querySelector("details")?.setAttribute("open", "");
  };
  addEventListener("hashchange", open);
  open();
})();
