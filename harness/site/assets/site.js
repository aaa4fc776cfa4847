// The filter of the start page: a few providers at first, all or those of a name when asked.
(() => {
  const form = document.querySelector(".hc-filter");
  if (!form) return;
  const rows = [...document.querySelectorAll(".hc-start tbody tr")];
  const { provider, all } = form.elements;
  const shown = form.querySelector("output");
  const apply = () => {
    const words = provider.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      row.hidden = words.length
        ? !words.every((word) => row.dataset.names.includes(word))
        : !all.checked && !("main" in row.dataset);
    }
    shown.value = `${rows.filter((row) => !row.hidden).length} / ${rows.length}`;
    const query = new URLSearchParams();
    if (provider.value) query.set("provider", provider.value);
    if (all.checked) query.set("all", "");
    history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
  };
  const asked = new URLSearchParams(location.search);
  provider.value = asked.get("provider") ?? "";
  all.checked = asked.has("all");
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
