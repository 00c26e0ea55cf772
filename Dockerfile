# The server, on SQLite in the volume /data or on what DATABASE_URL and REDIS_URL say. See docs/server.md.
FROM node:22-slim AS build
WORKDIR /source
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
RUN npm ci --ignore-scripts
COPY src ./src
RUN npm pack --pack-destination /
WORKDIR /pawl
RUN npm install --ignore-scripts --no-audit --no-fund /pawl-*.tgz pg@8 redis@6 nodemailer@10 @node-rs/bcrypt@1.10.7

FROM node:22-slim
ENV NODE_ENV=production PAWL_HOST=0.0.0.0 PAWL_DATA_DIR=/data
WORKDIR /pawl
COPY --from=build /pawl ./
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PAWL_PORT ?? 4000}/readyz`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "node_modules/pawl/dist/cli/main.js", "serve"]
