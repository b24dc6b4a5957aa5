"""Chromium, driven by selenium: opened, looked at and closed by who uses it; everything that its console says is kept."""
import base64
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

SIZES = {"desktop": (1440, 900), "phone": (390, 844), "narrow": (360, 740)}


class Failed(Exception):
    """Something that was to be seen was not."""


class Browser:
    def __init__(self, chromium, driver):
        options = Options()
        options.binary_location = chromium
        # Without a sandbox of its own it runs as root, as in a container; what it shows is ours.
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))
        self.errors = []
        self.where = "start"

    def size(self, name, scheme="dark"):
        width, height = SIZES[name]
        phone = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": name != "desktop"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)

    def open(self, url):
        """Opens an address anew, a page of the same document, too."""
        self.listen()
        self.where = url
        self.driver.get("about:blank")
        self.driver.get(url)

    def listen(self):
        """Takes what the console has said since."""
        for entry in self.driver.get_log("browser"):
            if entry["level"] in ("SEVERE", "WARNING"):
                self.errors.append(f"{self.where}: {entry['message']}")

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def text(self, selector="body"):
        return self.script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def wait(self, what, look, seconds=30):
        """Looks until something is there, and returns it."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = look()
            except StaleElementReferenceException:
                found = None
            if found:
                return found
            if time.monotonic() > deadline:
                raise Failed(f"{what} was not seen within {seconds} s at {self.where}:\n{self.text()[:3000]}")
            time.sleep(0.1)

    def find(self, selector, seconds=30):
        return self.wait(selector, lambda: next(iter(self.driver.find_elements(By.CSS_SELECTOR, selector)), None), seconds)

    def button(self, text, within="body"):
        """The button with this text that can be pressed."""
        find = lambda: next((b for b in self.driver.find_elements(By.CSS_SELECTOR, f"{within} button")
                             if b.text == text and b.is_displayed() and b.is_enabled()), None)
        found = self.wait(f"the button `{text}`", find)
        # Away from the edges, where a notice may lie over it for some seconds.
        self.script("arguments[0].scrollIntoView({block: 'center'})", found)
        return found

    def write(self, selector, text):
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def choose(self, selector, value):
        self.find(selector)
        self.script("const n = document.querySelector(arguments[0]); n.value = arguments[1];"
                    "for (const e of ['input', 'change']) n.dispatchEvent(new Event(e, {bubbles: true}))", selector, value)

    def screenshot(self, path):
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": 82})
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def close(self):
        self.listen()
        self.driver.quit()
