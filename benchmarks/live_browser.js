// In every frame of the page before its own scripts: keeps the camera's stream, and measures when it is asked to.
(() => {
  if (!navigator.mediaDevices) return;
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (...how) => (window.cameraStream = await ask(...how));
  const Connection = window.RTCPeerConnection;
  window.RTCPeerConnection = function (...how) { return (window.connection = new Connection(...how)); };
  window.RTCPeerConnection.prototype = Connection.prototype;

  // The code: BITS squares of SIDE pixels, light is 1, in the lower left corner of a frame of 640x480, least bit first.
  const BITS = 10, SIDE = 16;
  function reader() {
    const canvas = document.createElement("canvas");
    canvas.width = BITS * SIDE;
    canvas.height = SIDE;
    const paper = canvas.getContext("2d", { willReadFrequently: true });
    return (video) => {
      const unit = video.videoWidth / 640;  // the browser sends a smaller picture where it is short of time
      paper.drawImage(video, 0, video.videoHeight - SIDE * unit, BITS * SIDE * unit, SIDE * unit, 0, 0, BITS * SIDE, SIDE);
      const pixels = paper.getImageData(0, SIDE / 2, BITS * SIDE, 1).data;
      let code = 0;
      for (let bit = 0; bit < BITS; bit++) if (pixels[4 * (bit * SIDE + SIDE / 2)] > 128) code |= 1 << bit;
      return code;
    };
  }

  // Begins to watch the camera and the picture that comes back. Each list holds
  // [code, milliseconds, frame's width, frames presented so far].
  window.watchLag = () => {
    const back = document.querySelector("video"), front = document.createElement("video");
    Object.assign(front, { srcObject: window.cameraStream, muted: true, width: 64, height: 48 });
    front.style.cssText = "position:fixed;top:0;left:0";
    document.body.append(front);
    front.play();
    window.seen = { camera: [], shown: [] };
    const watch = (video, list, when) => {
      const read = reader();
      const next = (now, about) => {
        list.push([read(video), when(now, about), video.videoWidth, about.presentedFrames]);
        video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
    };
    watch(front, window.seen.camera, (now, about) => about.captureTime ?? now);
    watch(back, window.seen.shown, (now, about) => about.expectedDisplayTime);
  };

  window.takeSeen = async () => {
    const seen = window.seen;
    const taken = { camera: seen.camera.splice(0), shown: seen.shown.splice(0), stats: {} };
    for (const report of (await window.connection.getStats()).values())
      if (["inbound-rtp", "outbound-rtp", "candidate-pair"].includes(report.type) && report.state !== "failed")
        taken.stats[report.type] = report;
    return taken;
  };
})();
