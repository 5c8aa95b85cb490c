// What every page loads: small enhancements of pages that already work without them.
import Alpine from "@alpinejs/csp";
import { announceSwaps } from "./announce.js";
import { sendAtOnce } from "./carry-on.js";
import { copyTexts } from "./copying.js";
import { closeMenusOutside } from "./menus.js";
import { openDialogs } from "./dialogs.js";
import { tellOfFailedPasskeys } from "./passkeys.js";
import { countCharacters, markBusy } from "./typing.js";
import { passwordField } from "./passwords.js";
import { pausePolling } from "./polling.js";
import { themeToggle } from "./theme.js";
import { toasts } from "./toasts.js";

Alpine.data("themeToggle", themeToggle);
Alpine.data("toasts", toasts);
Alpine.data("passwordField", passwordField);
Alpine.data("dismissible", () => ({
  dismiss() {
    this.$root.remove();
  },
}));

announceSwaps();
closeMenusOutside();
openDialogs();
copyTexts();
countCharacters();
markBusy();
sendAtOnce();
pausePolling();
tellOfFailedPasskeys();

window.Alpine = Alpine;
Alpine.start();
