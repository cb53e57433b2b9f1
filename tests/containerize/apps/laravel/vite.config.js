export default {
  publicDir: false,
  build: { outDir: "public/build", manifest: true, rollupOptions: { input: "resources/js/app.js" } },
};
