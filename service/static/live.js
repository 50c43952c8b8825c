// What was shown of a person stays with nobody who comes to the page by the Back button.
"use strict";
addEventListener("pagehide", () => {
  for (const value of document.querySelectorAll("[data-live] .live")) value.textContent = "•••••";
});
