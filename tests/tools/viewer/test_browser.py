"""What a browser makes of the page of 3D poses."""
from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.tools.viewer.people import POSE, mean_of_poses, write
from xas_mmpose.apis import PicturePoses

BROWSER = shutil.which('chromium') or shutil.which('google-chrome')
DRIVER = shutil.which('chromedriver')


@pytest.fixture(scope='module')
def chromium() -> Iterator[Any]:
    """Return Chromium; it starts slowly, so one does for all tests."""
    pytest.importorskip('plotly')
    webdriver = pytest.importorskip('selenium.webdriver')
    if not (BROWSER and DRIVER):
        pytest.skip('no Chromium with its driver (Debian: apt-get install '
                    'chromium chromium-driver)')
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ('headless=new', 'no-sandbox', 'disable-dev-shm-usage',
                     'use-angle=swiftshader', 'enable-unsafe-swiftshader',
                     'window-size=1280,900'):
        options.add_argument(f'--{argument}')
    options.set_capability('goog:loggingPrefs', dict(browser='ALL'))
    driver = webdriver.Chrome(
        options=options,
        service=webdriver.ChromeService(executable_path=DRIVER))
    try:
        driver.set_script_timeout(120)
        driver.set_page_load_timeout(120)
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(chromium, make, found) -> Iterator[Any]:
    """Return Chromium with the page, whose second picture has the truth."""
    (found.parent / 'truth.json').write_text(json.dumps(dict(
        poses={'b/c <&"é.png': [(POSE * 0.8).tolist(), None]})))
    page, _ = make('--truth', str(found.parent / 'truth.json'), plotly=True)
    assert len(page) < 3e6
    yield chromium
    assert [entry for entry in chromium.get_log('browser')
            if entry['level'] == 'SEVERE'] == []


@pytest.fixture
def phone(browser) -> Iterator[Any]:
    """Return a dark phone with the page."""
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', dict(
        width=390, height=844, deviceScaleFactor=2, mobile=True))
    browser.execute_cdp_cmd('Emulation.setTouchEmulationEnabled',
                            dict(enabled=True, maxTouchPoints=2))
    browser.execute_cdp_cmd('Emulation.setEmulatedMedia', dict(
        features=[dict(name='prefers-color-scheme', value='dark')]))
    yield browser
    browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})
    browser.execute_cdp_cmd('Emulation.setTouchEmulationEnabled',
                            dict(enabled=False))
    browser.execute_cdp_cmd('Emulation.setEmulatedMedia', dict(features=[]))


def ask(browser, expression: str) -> Any:
    """Return what JavaScript says of the page's three main elements."""
    return browser.execute_script(
        'const [scene, profile, joint] = ["scene", "profile", "joint"].map('
        f'id => document.getElementById(id)); return {expression}')


def opened(browser, found: Path) -> None:
    browser.get((found.parent / 'page.html').as_uri())
    until(browser, 'document.documentElement.dataset.ready === "yes"')


def until(browser, condition: str | Callable[[], bool]) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 120).until(
        lambda driver: ask(driver, condition) if isinstance(condition, str)
        else condition(), str(condition))


def eye(browser) -> np.ndarray:
    told = ask(browser, 'scene.layout.scene.camera.eye')
    return np.array([told['x'], told['y'], told['z']])


def shown(browser) -> dict[str, bool]:
    return {trace[0]: trace[1] for trace in ask(
        browser, 'scene.data.map(t => [t.name, t.visible ?? true])')}


def press(browser, *keys: str) -> None:
    browser.find_element('tag name', 'body').send_keys(*keys)


def picture_of(browser) -> np.ndarray:
    """Return the 3D scene as it looks (H, W, 3)."""
    png = browser.find_element('id', 'scene').screenshot_as_png
    return cv2.imdecode(np.frombuffer(png, np.uint8),
                        cv2.IMREAD_COLOR).astype(int)


def colored(browser) -> int:
    """Return how many pixels of the 3D scene have a joint's colour."""
    return int((np.ptp(picture_of(browser), axis=2) > 90).sum())


def drawn(browser) -> int:
    """Return how many pixels of the 3D scene are not its ground."""
    image = picture_of(browser)
    return int((np.abs(image - image[3, 3]).max(-1) > 20).sum())


def test_a_browser_turns_and_toggles(browser, found):
    from selenium.webdriver import ActionChains, Keys

    opened(browser, found)
    assert ask(
        browser, 'performance.getEntriesByType("resource").map(e => e.name)'
        '.filter(n => !/^(data|blob):/.test(n))') == []
    scene = browser.find_element('id', 'scene')
    until(browser, lambda: colored(browser) > 500)
    with_both = colored(browser)

    # Up in the picture is up on the screen; depth goes away from us.
    space = ask(
        browser, '["xaxis", "yaxis", "zaxis"].map('
        'a => scene.layout.scene[a]).map(a => [a.title.text, a.range])')
    assert [axis[0] for axis in space] == ['x, right (mm)', 'depth (mm)',
                                           'y, down (mm)']
    assert [axis[1][0] < axis[1][1] for axis in space] == [True, True, False]
    shares = ask(browser, '["x", "y", "z"].map('
                 'a => scene.layout.scene.aspectratio[a])')
    lengths = [abs(axis[1][1] - axis[1][0]) for axis in space]
    np.testing.assert_allclose(np.divide(shares, lengths),
                               shares[0] / lengths[0])
    press(browser, 's')
    assert eye(browser)[0] > 1.9
    press(browser, 'f')
    assert eye(browser)[1] < -1.9

    # By key and by drag; 'r' takes all back.
    press(browser, Keys.ARROW_RIGHT)
    x, y, _ = eye(browser)
    assert np.rad2deg(np.arctan2(x, -y)) == pytest.approx(10, abs=1e-6)
    press(browser, Keys.ARROW_UP)
    assert eye(browser)[2] > 0.4
    before = eye(browser)
    ActionChains(browser).click_and_hold(scene).move_by_offset(
        90, 0).release().perform()
    until(browser, f'Math.abs(scene.layout.scene.camera.eye.x - {before[0]})'
          ' > 0.1')
    press(browser, 'r')
    np.testing.assert_allclose(
        np.linalg.norm(eye(browser)), np.linalg.norm(before), rtol=1e-3)
    press(browser, '+')
    assert np.linalg.norm(eye(browser)) < 2

    # By key and by button; the third pose is not there.
    assert 'joints 3' not in shown(browser)
    press(browser, '1')
    assert shown(browser)['joints 1'] is False
    assert shown(browser)['bones 2'] is True
    button = browser.find_element('css selector', '[data-pose="0"]')
    assert button.get_attribute('aria-pressed') == 'false'
    press(browser, '2', 'r')
    until(browser, lambda: colored(browser) < with_both / 3)
    # The axes stay.
    assert ask(browser, 'scene.querySelectorAll("canvas").length') == 1
    assert drawn(browser) > 2000
    button.click()
    assert shown(browser)['bones 1'] is True
    assert button.get_attribute('aria-pressed') == 'true'


def test_a_browser_names_joints_and_goes_on(browser, found):
    from selenium.webdriver import ActionChains

    opened(browser, found)
    # The joint that poses agree least on is told at first.
    words = browser.find_element('id', 'profile-words')
    assert words.text == ('left hand: pose 1 200 mm, pose 2 -200 mm. '
                          'Likeliest depth 200 mm (0.60).')
    bars = ask(browser, 'profile.data[0]')
    assert (bars['x'], bars['y']) == ([-400, -200, 0, 200, 400],
                                      [0.05, 0.2, 0.1, 0.6, 0.05])
    assert ask(
        browser, 'profile.data.slice(1).map(t => [t.name, t.x[0]])') == [
            ['pose 2', -200], ['pose 1', 200]]

    # The root, in the middle of the scene.
    scene = browser.find_element('css selector', '#scene canvas')
    ActionChains(browser).move_to_element(scene).pause(0.5).perform()
    until(browser, 'scene.querySelector(".hovertext")?.textContent'
          '.startsWith("root")')
    ActionChains(browser).click(scene).perform()
    until(browser, 'joint.value === "0"')
    assert words.text.startswith('root: pose 1 0 mm')
    hand = browser.find_element('css selector', '[data-joint="2"]')
    ActionChains(browser).move_to_element(hand).perform()
    assert browser.find_element('id', 'tip').text == 'right_hand'
    hand.click()
    assert words.text.startswith('right hand: pose 1 -200 mm')

    # Another picture, with the truth of the first of two people.
    press(browser, 'n')
    assert browser.find_element('id', 'where').text.startswith(
        '2 of 2, person 1 of 2')
    assert shown(browser)['joints truth'] is True
    rows = [row.text.split('\n') for row in browser.find_elements(
        'css selector', 'button.row')]
    assert rows[0] == ['1', 'pose 1', '0.75', '62', '0']
    press(browser, 't')
    assert shown(browser)['joints truth'] is False
    press(browser, 'n', 'n')
    assert 'person 2 of 2' in browser.find_element('id', 'where').text
    assert 'joints truth' not in shown(browser)
    press(browser, 'p', 'p', 'p')
    assert browser.find_element('id', 'where').text.startswith('1 of 2')
    browser.find_elements('css selector', '#thumbs button')[1].click()
    assert browser.find_element('id', 'where').text.startswith('2 of 2')


def test_what_is_hidden_stays_hidden(browser, found):
    opened(browser, found)
    pressed = ('[...document.querySelectorAll("button.row")].map('
               'b => b.getAttribute("aria-pressed"))')
    press(browser, '2')
    assert ask(browser, pressed) == ['true', 'false']
    # The rows of another picture, and of another scheme, are new.
    press(browser, 'n')
    assert ask(browser, pressed) == ['true', 'false', 'true']
    assert shown(browser)['joints 2'] is False
    press(browser, 'd', 't')
    assert ask(browser, pressed) == ['true', 'false', 'false']
    press(browser, 'd', 'p')
    assert ask(browser, pressed) == ['true', 'false']


def test_the_mean_has_no_confidence(browser, make, found):
    alone = mean_of_poses()
    alone.hypothesis_scores[1:] = 0
    write(found, [PicturePoses(name, None, None, (120, 80), [one])
                  for name, one in (('m', mean_of_poses()), ('n', alone))])
    (found.parent / 'truth.json').write_text(json.dumps(dict(
        poses=dict(m=(POSE * 0.8).tolist()))))
    make('--allow-missing', '--truth', str(found.parent / 'truth.json'),
         plotly=True)
    opened(browser, found)
    # Pose 2 is the surest: as strong as the mean, pose 3 half as sure.
    colors = dict(ask(browser, 'scene.data.map('
                      't => [t.name, t.marker?.color])'))
    assert colors['joints 1'] == colors['joints 2']
    assert colors['joints 3'] != colors['joints 2']
    rows = ask(browser, '[...document.querySelectorAll("button.row")].map('
               'b => [b.children[3]?.textContent, b.ariaLabel])')
    assert [row[0] for row in rows[:3]] == ['\u2013', '0.40', '0.20']
    assert [row[1].split(', MPJPE')[0] for row in rows] == [
        'mean of all', 'pose 2, confidence 0.40', 'pose 3, confidence 0.20',
        'truth']
    # The axis is that of probabilities; mean and truth stand beside it.
    heights = dict(ask(browser, 'profile.data.map(t => [t.name, t.y[1]])'))
    top = ask(browser, 'profile.layout.yaxis.range[1]')
    assert (heights['pose 2'], heights['pose 3']) == (0.4, 0.2)
    assert top == pytest.approx(0.448)
    assert [heights['truth'] / top, heights['mean of all'] / top
            ] == pytest.approx([1, 0.91])
    press(browser, '1', '2', '3', 't')
    assert ask(browser, 'profile.layout.yaxis.range[1]') == top

    # Where there is only the mean there is no scale.
    press(browser, '1', 'n')
    assert ask(browser, 'profile.layout.yaxis.showticklabels') is False
    assert 'the depths leave one pose' in browser.find_element(
        'id', 'facts').text


def test_a_panel_without_a_size(browser, found):
    opened(browser, found)
    browser.execute_script('picture.style.display = "none"')
    press(browser, 'n', 'j')
    browser.execute_script('picture.style.display = ""')
    until(browser, 'document.querySelector("#picture svg").ariaLabel'
          '.endsWith("b/c <&\\"\u00e9.png")')
    assert float(browser.find_element('css selector', '#picture .ring')
                 .get_attribute('r')) > 0


def test_a_browser_that_is_too_old(browser, found):
    script = browser.execute_cdp_cmd(
        'Page.addScriptToEvaluateOnNewDocument',
        dict(source='CSS.supports = () => false'))
    browser.get((found.parent / 'page.html').as_uri())
    browser.execute_cdp_cmd('Page.removeScriptToEvaluateOnNewDocument',
                            script)
    until(browser, '!document.getElementById("trouble").hidden')
    assert 'Chrome 108' in browser.find_element('id', 'trouble').text


def test_four_rows_have_room(browser, found):
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', dict(
        width=1280, height=577, deviceScaleFactor=1, mobile=False))
    try:
        opened(browser, found)
        press(browser, 'n')
        assert ask(browser, '["poses", "facts"].map(id => '
                   'document.getElementById(id)).map(e => e.scrollHeight - '
                   'e.clientHeight)') == [0, 0]
        assert ask(browser, 'document.querySelector(".poses").scrollHeight '
                   '- document.querySelector(".poses").clientHeight') == 0
    finally:
        browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})


def test_a_phone(phone, found):
    browser = phone
    opened(browser, found)
    # In a narrow panel all is seen from farther off.
    until(browser, lambda: np.linalg.norm(eye(browser)) > 2.4)
    assert ask(
        browser, '[innerWidth, document.documentElement.scrollWidth]') == [
            390, 390]
    sizes = ask(
        browser, '[...document.querySelectorAll("button, select")].map(b => '
        '[b.offsetWidth, b.offsetHeight]).filter(s => s[0])')
    assert len(sizes) > 10
    assert np.min(sizes) >= 44
    assert ask(browser, 'getComputedStyle(document.body).backgroundColor') == (
        'rgb(16, 19, 23)')

    ask(browser, 'scene.scrollIntoView({block: "center"})')
    box = ask(browser, '[scene.getBoundingClientRect()].flatMap('
              'b => [b.x + b.width / 2, b.y + b.height / 2])')

    def touch(kind: str, *offsets: tuple[float, float]) -> None:
        browser.execute_cdp_cmd('Input.dispatchTouchEvent', dict(
            type=kind, touchPoints=[
                dict(x=box[0] + x, y=box[1] + y, id=number)
                for number, (x, y) in enumerate(offsets)]))

    before = eye(browser)
    touch('touchStart', (-20, 0), (20, 0))
    touch('touchMove', (-30, 0), (30, 0))
    touch('touchMove', (-40, 0), (40, 0))
    touch('touchEnd')
    # Twice as far apart: twice as near, in the same direction.
    np.testing.assert_allclose(eye(browser), before / 2, rtol=1e-3)
    touch('touchStart', (0, 60))
    touch('touchMove', (10, 60))
    touch('touchMove', (40, 60))
    touch('touchEnd')
    # The poses follow the finger, half a degree a pixel.
    x, y, _ = eye(browser)
    turned = np.arctan2(before[0], -before[1]) - np.arctan2(x, -y)
    assert np.rad2deg(turned) == pytest.approx(20, abs=0.1)
    # Drawn again it stays as it was turned.
    press(browser, '2')
    assert shown(browser)['joints 2'] is False
    np.testing.assert_allclose(eye(browser)[:2], [x, y], rtol=1e-6)
    until(browser, lambda: colored(browser) > 500)
