// Light or dark: what the system prefers, or what was chosen here. It runs before the first paint and is no module.

(() => {
  const root = document.documentElement;
  const prefers = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const chosen = localStorage.getItem('merganser.theme');
    root.dataset.theme = chosen ?? (prefers.matches ? 'dark' : 'light');
    dispatchEvent(new Event('merganser-theme'));
  };
  prefers.addEventListener('change', apply);
  addEventListener('merganser-theme-switch', () => {
    localStorage.setItem('merganser.theme', root.dataset.theme === 'dark' ? 'light' : 'dark');
    apply();
  });
  apply();
})();
