// Before anything is painted: the theme that was chosen in the settings, if any.
try {
  var chosen = JSON.parse(localStorage.getItem('confab.settings') || '{}').theme;
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch (blocked) { /* the system's theme, then */ }
